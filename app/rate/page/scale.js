// One criterion of one answer: 2 to 11 points as buttons, or 0 to 100 as a slider with its number; "not applicable" where it is offered.
//
// Points run from the lowest on the left to the highest on the right on every page, also where the text runs the other way:
// the numbers then mean a growing amount to all raters alike, and the arrow to the right is always "more".
import { fill, make } from './make.js';

export const NOT_APPLICABLE = 'not_applicable'; // as the server calls it
const IN_ONE_LINE = 7; // points that stand side by side on a phone; more are two lines of buttons
const WITH_WORDS = 5; // points that are wide enough to hold their words

// Labels by their point, lowest first; a point may have none.
const labels = ({ anchors, points }) => anchors.map((text, index) => ({ point: points[index], text })).filter(({ text }) => text);

export function scale(output, criterion, value, words, changed) {
  const id = `row-${output.letter}-${criterion.key}`;
  const name = `${criterion.name}, ${fill(words['rate.output'], { letter: output.letter })}`;
  const row = { name, id, field: `${output.letter}/${criterion.key}`, criterion, value, words, changed: (given) => changed(output.letter, criterion.key, given) };
  const title = make('h4', { 'aria-hidden': 'true' }, criterion.name);
  const question = make('p', { class: 'question', id: `${id}-question`, lang: criterion.lang, dir: criterion.dir }, criterion.question);
  const lacking = make('p', { class: 'lacking' }, words['page.missing_here']);
  const group = { class: 'row', id, 'aria-label': name, 'aria-describedby': `${id}-question` };
  return criterion.slider
    ? make('div', { ...group, role: 'group' }, title, question, ...slider(row), lacking)
    : make('div', { ...group, role: 'radiogroup', 'aria-required': 'true' }, title, question, ...buttons(row), lacking);
}

export function buttons({ field, criterion, value, words, changed }) {
  const { low, high, lang, dir } = criterion;
  const count = high - low + 1;
  const texts = Object.fromEntries(labels(criterion).map(({ point, text }) => [point, text]));
  const radio = (point, spoken) => {
    const input = make('input', { type: 'radio', name: field, value: point, checked: value === point, 'aria-label': spoken });
    input.addEventListener('change', () => changed(point));
    return input;
  };
  const points = Array.from({ length: count }, (_, index) => low + index).map((point) => {
    const text = make('span', { class: 'meaning', lang, dir }, texts[point] ?? '');
    return make('label', { class: 'point' }, radio(point, `${point} ${texts[point] ?? ''}`.trim()), make('span', { class: 'digit' }, String(point)), text);
  });
  const line = make('p', { class: 'anchor', 'aria-hidden': 'true', lang, dir });
  const show = (label) => {
    const index = points.indexOf(label);
    const both = index < 0 || !texts[low + index]; // until a point with words is touched, what both ends mean
    line.replaceChildren(...(both ? [low, high] : [low + index]).map((point) => make('span', { lang, dir }, `${point} = ${texts[point]}`)));
    line.classList.toggle('quiet', both);
  };
  const rest = () => show(points.find((label) => label.firstChild.checked));
  const box = make('div', { class: `points${count > WITH_WORDS ? ' narrow' : ''}${count > IN_ONE_LINE ? ' many' : ''}`, dir: 'ltr' }, ...points);
  box.style.setProperty('--count', count);
  box.style.setProperty('--half', Math.ceil(count / 2));
  const under = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest('.point');
  for (const kind of ['pointerdown', 'pointermove']) box.addEventListener(kind, (event) => show(under(event)));
  for (const kind of ['pointerleave', 'pointercancel', 'change', 'focusout']) box.addEventListener(kind, rest);
  box.addEventListener('focusin', (event) => show(event.target.closest('.point')));
  rest();
  const none = words['page.not_applicable'];
  const other = criterion.not_applicable ? make('label', { class: 'point none' }, radio(NOT_APPLICABLE, none), make('span', {}, none)) : null;
  return [box, line, other];
}

// A range has a value from the start, so its thumb is hidden and nothing counts until it is moved, pressed or a number is typed.
function slider({ name, id, criterion, value, words, changed }) {
  const { low, high, lang, dir } = criterion;
  const range = make('input', { type: 'range', min: low, max: high, step: 1, 'aria-label': name, 'aria-describedby': `${id}-question ${id}-ends` });
  const number = make('input', { type: 'text', inputmode: 'numeric', maxlength: 3, dir: 'ltr', autocomplete: 'off', 'aria-label': `${name}: ${fill(words['page.number_from'], { low, high })}` });
  const none = criterion.not_applicable ? make('input', { type: 'checkbox', 'aria-label': words['page.not_applicable'] }) : null;
  const show = (given) => {
    const rated = typeof given === 'number';
    range.classList.toggle('unset', !rated);
    if (rated) range.value = given;
    if (!rated || number.value !== String(given)) number.value = rated ? given : '';
    range.setAttribute('aria-valuetext', rated ? String(given) : given === NOT_APPLICABLE ? words['page.not_applicable'] : words['page.not_rated']);
    if (none) none.checked = given === NOT_APPLICABLE;
    number.removeAttribute('aria-invalid');
  };
  const give = (given) => {
    show(given);
    changed(given);
  };
  for (const kind of ['input', 'click']) range.addEventListener(kind, () => give(Number(range.value))); // a press in the middle moves nothing
  number.addEventListener('input', () => {
    const typed = latin(number.value.trim());
    if (/^\d{1,3}$/.test(typed) && Number(typed) >= low && Number(typed) <= high) return give(Number(typed));
    changed(undefined); // what is typed is no number of the scale, so nothing is given
    range.classList.add('unset');
    number.setAttribute('aria-invalid', String(typed !== ''));
    if (none) none.checked = false;
  });
  none?.addEventListener('change', () => give(none.checked ? NOT_APPLICABLE : undefined));
  show(value);
  const ends = make('p', { class: 'ends', id: `${id}-ends`, dir: 'ltr' });
  ends.append(...labels(criterion).map(({ point, text }) => make('span', { lang, dir }, `${point} = ${text}`)));
  const other = none && make('label', { class: 'point none' }, none, make('span', {}, words['page.not_applicable']));
  return [make('div', { class: 'track', dir: 'ltr' }, range, number, ends), other];
}

// Digits of any script as 0 to 9.
function latin(text) {
  return text.replace(/\p{Nd}/gu, (digit) => {
    let zero = digit.codePointAt(0);
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && digit.codePointAt(0) - zero < 9) zero--;
    return String(digit.codePointAt(0) - zero);
  });
}
