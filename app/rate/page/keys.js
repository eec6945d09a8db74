// Rating by keyboard: digits answer the marked row and move on, Enter saves; arrows and Tab work as everywhere. 0 is the tenth point
// where 1 is the first; on a slider digits go into its number, and Enter moves on.
const rows = () => [...document.querySelectorAll('#fields .row')];
const ANSWERED = 'input:checked, input[type=range]:not(.unset)';
const unanswered = () => rows().find((row) => !row.querySelector(ANSWERED));
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
  return Number(/^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1] ?? NaN);
}

// What sends the answers: of practice, or of an item.
const button = () => document.getElementById('check') ?? document.getElementById('save');

// The next open row, or the button when nothing is open.
function advance() {
  const next = unanswered();
  (next ? next.querySelector('input') : button()).focus();
  (next ?? button()).scrollIntoView({ block: 'nearest' });
  mark();
}

// Whether the digit answered the row.
function answered(row, point) {
  const number = row?.querySelector('.track input[type=text]');
  if (number) {
    if (number.disabled || document.activeElement === number) return false;
    number.focus();
    number.value = String(point);
    number.dispatchEvent(new Event('input'));
    return true;
  }
  const radio = (value) => row?.querySelector(`input[type=radio][value="${value}"]`);
  const input = radio(point) ?? (point === 0 ? radio(10) : null);
  if (!input || input.disabled) return false;
  input.click();
  advance();
  return true;
}

export function listen({ save, enabled }) {
  document.addEventListener('focusin', mark);
  document.addEventListener('keydown', (event) => {
    const target = event.target;
    const own = target.matches?.('.row .track input, .row .none input'); // of a slider, or "not applicable"
    const typing = !own && target.matches?.('textarea, select, input:not([type=radio])');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !enabled() || !rows().length) return;
    const point = digit(event);
    if (point >= 0) {
      if (answered(current(), point)) event.preventDefault();
    } else if (event.key === 'Enter' && !target.closest?.('button, summary, a')) {
      event.preventDefault();
      if (own && unanswered()) advance();
      else if (button().id === 'check') button().click();
      else save();
    }
  });
}
