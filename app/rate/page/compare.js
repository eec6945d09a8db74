// The order of an item's answers on one question, ties allowed. Of two answers: which is better, or that they are equal. Of more: a rank for each.
//
// Answers stand in the direction of the page, as a text would name them: A first. Ranks run as points do, the best on the left on every page.
import { fill, make } from './make.js';
import { buttons } from './scale.js';

// The rows of one question: [{ id, name, open(ranks), element }]. `changed(ranks)`: letter -> rank, as far as they are given.
function rowsOf(question, outputs, given, words, changed) {
  return outputs.length === 2 ? [pair(question, outputs, given, words, changed)] : ranking(question, outputs, given, words, changed);
}

const lacking = (words) => make('p', { class: 'lacking' }, words['page.nothing_chosen']);

function pair(question, outputs, given, words, changed) {
  const id = `row-prefer-${question.key}`;
  const [first, second] = outputs.map(({ letter }) => letter);
  const better = (letter) => fill(words['page.pair_better'], { letter });
  const choices = [
    { sign: first, text: better(first), ranks: { [first]: 1, [second]: 2 } },
    { sign: '=', text: words['page.pair_equal'], ranks: { [first]: 1, [second]: 1 } },
    { sign: second, text: better(second), ranks: { [first]: 2, [second]: 1 } },
  ];
  const order = (ranks) => Math.sign((ranks?.[first] ?? NaN) - (ranks?.[second] ?? NaN));
  const points = choices.map(({ sign, text, ranks }, index) => {
    const input = make('input', { type: 'radio', name: `prefer/${question.key}`, value: index + 1, checked: order(given) === order(ranks), 'aria-label': text });
    input.addEventListener('change', () => changed(ranks));
    return make('label', { class: 'point' }, input, make('span', { class: 'digit' }, sign), make('span', { class: 'meaning' }, text));
  });
  const box = make('div', { class: 'points words' }, ...points);
  box.style.setProperty('--count', 3);
  const group = { class: 'row', id, role: 'radiogroup', 'aria-required': 'true', 'aria-label': question.name, 'aria-describedby': `${id}-question` };
  const element = make('div', group, ...heading(question, id), box, lacking(words));
  return { id, name: question.name, open: (ranks) => Number.isNaN(order(ranks)), element };
}

const heading = (question, id) => [
  make('h4', { 'aria-hidden': 'true', lang: question.name_lang }, question.name),
  make('p', { class: 'question', id: `${id}-question`, lang: question.lang, dir: question.dir }, question.question),
];

function ranking(question, outputs, given, words, changed) {
  const ranks = { ...given };
  const ends = [words['page.rank_best'], ...outputs.slice(2).map(() => ''), words['page.rank_last']];
  const scale = { low: 1, high: outputs.length, anchors: ends, points: ends.map((_, index) => index + 1) };
  return outputs.map(({ letter }) => {
    const id = `row-prefer-${question.key}-${letter}`;
    const answer = fill(words['rate.output'], { letter });
    const give = (rank) => {
      ranks[letter] = rank;
      changed({ ...ranks });
    };
    const field = { field: `prefer/${question.key}/${letter}`, criterion: scale, value: given?.[letter], words, changed: give };
    const name = `${question.name}, ${answer}`;
    const group = { class: 'row rank', id, role: 'radiogroup', 'aria-required': 'true', 'aria-label': name, 'aria-describedby': `prefer-${question.key}-hint` };
    const element = make('div', group, make('h4', { 'aria-hidden': 'true' }, answer), ...buttons(field), lacking(words));
    return { id, name: `${question.name} · ${letter}`, open: (now) => now?.[letter] === undefined, element };
  });
}

// The section below all answers, and what is asked in it. `changed(key, ranks, id)`.
export function comparison(item, preferences, words, changed) {
  const rows = [];
  const parts = item.compared_on.flatMap((question) => {
    const changedHere = (ranks) => {
      for (const row of own) if (!row.open(ranks)) row.element.classList.remove('open');
      changed(question.key, ranks);
    };
    const own = rowsOf(question, item.outputs, preferences[question.key], words, changedHere);
    rows.push(...own.map(({ id, name, open }) => ({ id, name, open: () => open(preferences[question.key]) })));
    const elements = [...ratersOrders(item.raters_orders?.[question.key], words), ...own.map(({ element }) => element)];
    if (item.outputs.length === 2) return elements;
    const hint = make('p', { class: 'question', id: `prefer-${question.key}-hint` }, make('span', { lang: question.lang, dir: question.dir }, question.question), ' ', words['page.rank_hint']);
    return [make('h4', { lang: question.name_lang }, question.name), hint, ...elements];
  });
  return { rows, element: parts.length ? make('section', { class: 'answer compare' }, make('h3', {}, words['page.compare']), ...parts) : null };
}

// What raters gave to one question, for whoever adjudicates.
function ratersOrders(orders, words) {
  if (!orders) return [];
  return [make('p', { class: 'rated' }, `${words['page.raters_gave']} `, make('bdi', { dir: 'ltr' }, orders.map(inWords).join(' · ')))];
}

// An order in words: "A > B = C".
export function inWords(ranks) {
  const letters = Object.keys(ranks).sort((one, other) => ranks[one] - ranks[other] || one.localeCompare(other));
  return letters.map((letter, index) => (index ? `${ranks[letter] > ranks[letters[index - 1]] ? ' > ' : ' = '}${letter}` : letter)).join('');
}
