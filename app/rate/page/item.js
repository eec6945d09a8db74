// Draws one item.
import { comparison, inWords } from './compare.js';
import { fill, make } from './make.js';
import { marked, marking } from './mark.js';
import { NOT_APPLICABLE, scale } from './scale.js';

export { fill, make };

const spoken = (part, properties, text = part.text) => make('p', { lang: part.lang, dir: part.dir, ...properties }, text);

// What raters gave to one criterion, for whoever adjudicates; nothing on the raters' own page.
function rated(output, criterion, item, words) {
  if (!item.ratings) return [];
  const values = (item.ratings[output.letter]?.[criterion.key] ?? []).map((value) => (value === NOT_APPLICABLE ? words['page.not_applicable'] : String(value)));
  return [make('p', { class: 'rated' }, `${words['page.raters_gave']} `, make('bdi', { dir: values.some((value) => /\D/.test(value)) ? 'auto' : 'ltr' }, values.join(' · ') || '–'))];
}

// The errors that each rater marked, likewise.
function ratersMarks(output, item, words) {
  const every = item.raters_marks?.[output.letter];
  if (!every) return [];
  const parts = every.flatMap((spans, index) => [index ? ' · ' : '', ...marked(spans, output, words)]);
  return [make('p', { class: 'rated' }, `${words['page.raters_marked']} `, ...parts)];
}

function remarks(item, words) {
  if (!item.remarks?.length) return [];
  const lines = item.remarks.map((text) => make('li', { dir: 'auto' }, text));
  return [make('section', { class: 'source', id: 'remarks' }, make('h3', {}, words['page.raters_wrote']), make('ul', {}, ...lines))];
}

function answer(output, item, draft, words, events) {
  const { values } = draft;
  const { changed } = events;
  const heading = make('h3', {}, fill(words['rate.output'], { letter: output.letter }));
  const rows = item.criteria.flatMap((criterion) => [...rated(output, criterion, item, words), scale(output, criterion, values[output.letter]?.[criterion.key], words, changed)]);
  const marks = item.marks && output.text.trim() ? marking(output, draft.spans[output.letter], words, (spans) => events.marked(output.letter, spans)) : null;
  const text = marks ? null : output.text.trim() ? spoken(output, { class: 'output' }) : make('p', { class: 'output quiet' }, words['rate.no_text']);
  return make('section', { class: 'answer' }, heading, ...(marks ?? []), text, ...(marks ? ratersMarks(output, item, words) : []), ...rows);
}

function notes(item, restored, words) {
  const lines = [];
  if (item.state === 'done') lines.push(words['page.given']);
  if (item.state === 'skipped') lines.push(fill(words['page.was_skipped'], { reason: words[`rate.skip_${item.skip_reason}`] }));
  if (restored) lines.push(words['page.restored']);
  return lines.map((line) => make('p', { class: 'message' }, line));
}

// Earlier values of an item that was changed, oldest first.
function history(item, words) {
  if (![item.history, item.order_history, item.span_history].some((changes) => changes.length)) return null;
  const names = Object.fromEntries(item.criteria.map((criterion) => [criterion.key, criterion.name]));
  const said = (value) => (value === NOT_APPLICABLE ? words['page.not_applicable'] : value);
  const lines = item.history.map((change) =>
    make('li', {}, `${change.letter} · ${names[change.criterion]}: `, make('bdi', { dir: 'ltr' }, `${said(change.from)} → ${said(change.to)}`)));
  const questions = Object.fromEntries(item.compared_on.map((question) => [question.key, question.name]));
  const orders = item.order_history.map((change) =>
    make('li', {}, `${questions[change.question] ?? change.question}: `, make('bdi', { dir: 'ltr' }, `${inWords(change.from)} → ${inWords(change.to)}`)));
  const texts = Object.fromEntries(item.outputs.map((output) => [output.letter, output]));
  const errors = item.span_history.map(({ letter, from, to }) =>
    make('li', {}, `${letter} · ${words['page.marked']}: `, ...marked(from, texts[letter], words), ' → ', ...marked(to, texts[letter], words)));
  return make('details', { class: 'fold' }, make('summary', {}, words['page.history']), make('ul', {}, ...lines, ...orders, ...errors));
}

function aside(item, comment, words, events) {
  const box = make('textarea', { id: 'comment', rows: 2, maxlength: 2000, dir: 'auto', oninput: (event) => events.commented(event.target.value) });
  box.value = comment;
  const field = make('div', { class: 'field' }, make('label', { for: 'comment' }, words[item.ratings ? 'page.reason' : 'rate.comment']), box);
  if (item.state === 'done' || item.ratings) return [field];
  const choices = item.reasons.map((reason) => make('option', { value: reason }, words[`rate.skip_${reason}`]));
  const reasons = make('select', { id: 'reason' }, make('option', { value: '' }, '…'), ...choices);
  const skip = make('button', { type: 'button', id: 'skip', onclick: () => events.skipped(reasons.value) }, words['page.skip_item']);
  const label = make('label', { for: 'reason' }, words['rate.skip_reason']);
  const fold = make('details', { class: 'fold' }, make('summary', {}, words['rate.skip']), make('div', { class: 'field' }, label, reasons, skip));
  return [field, fold];
}

// `events`: { changed(letter, criterion, value), preferred(question, ranks), marked(letter, spans), commented(comment), skipped(reason), asked(rows) }; `asked` hears
// of the rows of preferences: { id, name, open() }.
export function draw(item, draft, restored, words, events) {
  const heading = make('h2', { tabindex: '-1', id: 'item' }, fill(words['page.item'], { number: item.position }));
  const part = (key, content, name) => (content ? [make('h3', {}, words[key]), spoken(content, { class: name })] : []);
  const text = make(
    'section', { class: 'source' },
    ...part('rate.context', item.context, 'context'), ...part('rate.source', item.source, 'original'),
    ...part('rate.reference', item.reference, 'reference'), ...part('rate.task', item.task, 'task'),
  );
  const answers = item.outputs.map((output) => answer(output, item, draft, words, events));
  const compared = comparison(item, draft.preferences, words, events.preferred);
  events.asked(compared.rows);
  const fields = make('fieldset', { id: 'fields' }, ...answers, compared.element, ...aside(item, draft.comment, words, events));
  const past = [history(item, words)].filter(Boolean);
  return [heading, ...notes(item, restored, words), ...past, text, ...remarks(item, words), fields];
}
