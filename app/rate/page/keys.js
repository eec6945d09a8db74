// Rating by keyboard: 1 to 5 answer the marked row and move on, Enter saves; arrows and Tab work as everywhere.
const rows = () => [...document.querySelectorAll('#fields .row')];
const unanswered = () => rows().find((row) => !row.querySelector('input:checked'));
const current = () => document.activeElement?.closest?.('.row') ?? unanswered();

export function mark() {
  const row = current();
  for (const one of rows()) one.classList.toggle('marked', one === row);
}

// The digit of a key press: as typed in any script, or by the key's position (on French keyboards 1 needs Shift).
function digit(event) {
  const typed = /^\p{Nd}$/u.test(event.key) ? event.key : '';
  if (typed) {
    let zero = typed.codePointAt(0);
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && typed.codePointAt(0) - zero < 9) zero--;
    return typed.codePointAt(0) - zero;
  }
  return Number(/^(?:Digit|Numpad)([1-5])$/.exec(event.code)?.[1] ?? NaN);
}

export function listen({ save, enabled }) {
  document.addEventListener('focusin', mark);
  document.addEventListener('keydown', (event) => {
    const typing = event.target.matches?.('textarea, select, input:not([type=radio])');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !enabled() || !rows().length) return;
    const point = digit(event);
    if (point >= 1 && point <= 5) {
      const row = current();
      const input = row?.querySelectorAll('input')[point - 1];
      if (!input || input.disabled) return;
      event.preventDefault();
      input.click();
      const next = unanswered();
      (next ? next.querySelector('input') : document.getElementById('save')).focus();
      (next ?? document.getElementById('save')).scrollIntoView({ block: 'nearest' });
      mark();
    } else if (event.key === 'Enter' && !event.target.closest?.('button, summary, a')) {
      event.preventDefault();
      save();
    }
  });
}
