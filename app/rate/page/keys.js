// Rating by keyboard: digits answer the marked row and move on, Enter saves; arrows and Tab work as everywhere. 0 is the tenth point
// where 1 is the first; where both are points, 1 waits a moment for a second digit, so that 10 (or 11) can be typed, and its row stays
// marked meanwhile; on a slider digits go into its number, and Enter moves on.
const rows = () => [...document.querySelectorAll('#fields .row')];
const ANSWERED = 'input:checked, input[type=range]:not(.unset)';
const unanswered = () => rows().find((row) => !row.querySelector(ANSWERED));
const current = () => document.activeElement?.closest?.('.row') ?? unanswered();

const MOMENT = 900; // ms that a first digit waits for a second
let begun = null; // { row, digit, timer } of a number that may get a second digit

function settle() {
  if (begun) clearTimeout(begun.timer);
  begun = null;
}

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

// Points of two digits that begin with this one and that no single key gives.
const longer = (row, digit) =>
  [...row.querySelectorAll('input[type=radio]')].some(({ value }) => /^\d\d$/.test(value) && value[0] === String(digit) && (value !== '10' || row.querySelector('input[value="0"]')));

// Whether the digit answered the row.
function answered(row, point) {
  if (begun) {
    const { row: first, digit } = begun;
    const whole = first.querySelector(`input[type=radio][value="${digit}${point}"]`);
    settle();
    if (whole) {
      whole.click();
      advance();
      return true;
    }
    advance(); // the first digit was all of it; this one is for the next row
    row = current();
  }
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
  if (longer(row, point)) {
    input.focus();
    begun = { row, digit: point, timer: setTimeout(() => { settle(); advance(); }, MOMENT) };
  } else {
    advance();
  }
  return true;
}

export function listen({ save, enabled }) {
  document.addEventListener('focusin', () => {
    if (begun && !begun.row.contains(document.activeElement)) settle();
    mark();
  });
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
      settle();
      if (own && unanswered()) advance();
      else if (button().id === 'check') button().click();
      else save();
    }
  });
}
