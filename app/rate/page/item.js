// Draws one item. Everything that people or models wrote goes in as text, never as markup.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

const spoken = (part, properties, text = part.text) => make('p', { lang: part.lang, dir: part.dir, ...properties }, text);

// One scale. Its points run from 1 on the left to 5 on the right on every page, also where the text runs the other
// way: the numbers then mean a growing amount to all raters alike, and the arrow to the right is always "more".
function scale(output, criterion, value, words, changed) {
  const name = `${output.letter}/${criterion.key}`;
  const id = `row-${output.letter}-${criterion.key}`;
  const line = make('p', { class: 'anchor', 'aria-hidden': 'true', lang: criterion.lang, dir: criterion.dir });
  const labels = criterion.anchors.map((anchor, index) => {
    const input = make('input', { type: 'radio', name, value: index + 1, checked: value === index + 1, 'aria-label': `${index + 1} ${anchor}` });
    input.addEventListener('change', () => changed(output.letter, criterion.key, index + 1));
    const text = make('span', { class: 'meaning', lang: criterion.lang, dir: criterion.dir }, anchor);
    return make('label', { class: 'point' }, input, make('span', { class: 'digit' }, String(index + 1)), text);
  });
  const show = (label) => {
    const index = labels.indexOf(label);
    const shown = index < 0 ? [0, labels.length - 1] : [index]; // until a point is touched, what both ends mean
    line.replaceChildren(...shown.map((point) => make('span', {}, `${point + 1} = ${criterion.anchors[point]}`)));
    line.classList.toggle('quiet', index < 0);
  };
  const rest = () => show(labels.find((label) => label.firstChild.checked));
  const points = make('div', { class: 'points', dir: 'ltr' }, ...labels);
  const under = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest('.point');
  for (const kind of ['pointerdown', 'pointermove']) points.addEventListener(kind, (event) => show(under(event)));
  for (const kind of ['pointerleave', 'pointercancel', 'change', 'focusout']) points.addEventListener(kind, rest);
  points.addEventListener('focusin', (event) => show(event.target.closest('.point')));
  rest();
  const label = `${criterion.name}, ${fill(words['rate.output'], { letter: output.letter })}`;
  const title = make('h4', { 'aria-hidden': 'true' }, criterion.name);
  const question = spoken(criterion, { class: 'question', id: `${id}-question` }, criterion.question);
  return make(
    'div', { class: 'row', id, role: 'radiogroup', 'aria-required': 'true', 'aria-label': label, 'aria-describedby': `${id}-question` },
    title, question, points, line,
  );
}

function answer(output, item, values, words, changed) {
  const heading = make('h3', {}, fill(words['rate.output'], { letter: output.letter }));
  const rows = item.criteria.map((criterion) => scale(output, criterion, values[output.letter]?.[criterion.key], words, changed));
  return make('section', { class: 'answer' }, heading, spoken(output, { class: 'output' }), ...rows);
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
  if (!item.history.length) return null;
  const names = Object.fromEntries(item.criteria.map((criterion) => [criterion.key, criterion.name]));
  const lines = item.history.map((change) =>
    make('li', {}, `${change.letter} · ${names[change.criterion]}: `, make('bdi', { dir: 'ltr' }, `${change.from} → ${change.to}`)));
  return make('details', { class: 'fold' }, make('summary', {}, words['page.history']), make('ul', {}, ...lines));
}

function aside(item, comment, words, events) {
  const box = make('textarea', { id: 'comment', rows: 2, maxlength: 2000, dir: 'auto', oninput: (event) => events.commented(event.target.value) });
  box.value = comment;
  const field = make('div', { class: 'field' }, make('label', { for: 'comment' }, words['rate.comment']), box);
  if (item.state === 'done') return [field];
  const choices = item.reasons.map((reason) => make('option', { value: reason }, words[`rate.skip_${reason}`]));
  const reasons = make('select', { id: 'reason' }, make('option', { value: '' }, '…'), ...choices);
  const skip = make('button', { type: 'button', id: 'skip', onclick: () => events.skipped(reasons.value) }, words['page.skip_item']);
  const label = make('label', { for: 'reason' }, words['rate.skip_reason']);
  const fold = make('details', { class: 'fold' }, make('summary', {}, words['rate.skip']), make('div', { class: 'field' }, label, reasons, skip));
  return [field, fold];
}

// `events`: { changed(letter, criterion, value), commented(comment), skipped(reason) }.
export function draw(item, draft, restored, words, events) {
  const heading = make('h2', { tabindex: '-1', id: 'item' }, fill(words['page.item'], { number: item.position }));
  const part = (key, content, name) => (content ? [make('h3', {}, words[key]), spoken(content, { class: name })] : []);
  const text = make(
    'section', { class: 'source' },
    ...part('rate.context', item.context, 'context'), ...part('rate.source', item.source, 'original'),
    ...part('rate.reference', item.reference, 'reference'), ...part('rate.task', item.task, 'task'),
  );
  const note = make('div', { id: 'note', role: 'alert' });
  const answers = item.outputs.map((output) => answer(output, item, draft.values, words, events.changed));
  const fields = make('fieldset', { id: 'fields' }, ...answers, ...aside(item, draft.comment, words, events));
  const past = [history(item, words)].filter(Boolean);
  return [heading, ...notes(item, restored, words), ...past, text, fields, note];
}
