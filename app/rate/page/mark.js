// Errors marked in an answer: choose words, then minor or major. By thumb: tap the first word, then the last; by mouse also drag; by keyboard
// arrows move from word to word, with Shift they extend, Delete removes the error under the cursor.
//
// Offsets count code points, as the server does; a JavaScript string counts halves of those beyond U+FFFF.
import { fill, make } from './make.js';

const points = (text) => Array.from(text).length;

// Words, punctuation and what stands between them: [{ text, start, end, blank }]. Without a segmenter every character is a piece.
export function pieces(text, lang) {
  let parts;
  try {
    parts = [...new Intl.Segmenter(lang || undefined, { granularity: 'word' }).segment(text)].map(({ segment }) => segment);
  } catch {
    parts = Array.from(text);
  }
  let at = 0;
  return parts.map((part) => {
    const start = at;
    at += points(part);
    return { text: part, start, end: at, blank: !part.trim() };
  });
}

const textAt = (output, [start, end]) => Array.from(output.text).slice(start, end).join('');

// Errors in words, each as the answer has it: "lifunga" (minor), or that there are none.
export function marked(spans, output, words) {
  if (!spans.length) return [words['page.mark_none']];
  return spans.flatMap((span, index) => [
    index ? ', ' : '',
    make('bdi', { lang: output.lang, dir: output.dir }, textAt(output, span)), ` (${words[`page.${span[2]}`]})`,
  ]);
}

// The element for one answer. `spans`: [[start, end, severity]] so far; `changed(spans)` hears of every change.
export function marking(output, spans, words, changed) {
  let errors = (spans ?? []).map((one) => [...one]);
  let anchor = null; // index of the piece where the choice began, and where it ends
  let end = null;
  const all = pieces(output.text, output.lang);
  const name = fill(words['rate.output'], { letter: output.letter });
  const say = make('p', { class: 'spoken', role: 'status' });
  const tokens = all.map(({ text, blank }, index) => make('span', { class: blank ? 'blank' : 'word', 'data-at': index }, text));
  const text = make('p', { class: 'output marking', lang: output.lang, dir: output.dir, tabindex: 0, role: 'application', 'aria-roledescription': words['page.mark_text'], 'aria-label': `${name}: ${words['page.mark_hint']}`, id: `mark-${output.letter}` }, ...tokens);
  const list = make('ul', { class: 'errors' });

  const range = () => (anchor === null ? null : [Math.min(anchor, end), Math.max(anchor, end)]);
  const chosen = () => {
    const both = range();
    return both && [all[both[0]].start, all[both[1]].end];
  };
  const textOf = (span) => textAt(output, span);
  const errorAt = (index) => errors.find(([from, to]) => all[index].start < to && all[index].end > from);

  function draw() {
    const both = range();
    tokens.forEach((token, index) => {
      const error = errorAt(index);
      token.classList.toggle('minor', error?.[2] === 'minor');
      token.classList.toggle('major', error?.[2] === 'major');
      token.classList.toggle('chosen', Boolean(both) && index >= both[0] && index <= both[1]);
      token.classList.toggle('cursor', index === end);
    });
    for (const button of [minor, major]) button.disabled = both === null;
    list.replaceChildren(...errors.map((error) => {
      const what = `${words[`page.${error[2]}`]}: ${textOf(error)}`;
      const remove = make('button', { type: 'button', 'aria-label': `${words['page.mark_remove']}: ${what}`, onclick: () => drop(error) }, '×');
      return make('li', { class: error[2] }, make('span', {}, words[`page.${error[2]}`]), ' ', make('bdi', { lang: output.lang, dir: output.dir }, textOf(error)), ' ', remove);
    }));
  }

  function choose(index, extend) {
    if (all[index] === undefined || all[index].blank) return;
    if (!extend || anchor === null) anchor = index;
    end = index;
    draw();
    say.textContent = textOf(chosen());
  }

  function put(severity) {
    const [from, to] = chosen();
    errors = [...errors.filter((one) => one[1] <= from || one[0] >= to), [from, to, severity]].sort((one, other) => one[0] - other[0]);
    say.textContent = `${words[`page.${severity}`]}: ${textOf([from, to])}`;
    anchor = end = null;
    changed(errors);
    draw();
    text.focus({ preventScroll: true });
  }

  function drop(error) {
    errors = errors.filter((one) => one !== error);
    say.textContent = `${words['page.mark_removed']}: ${textOf(error)}`;
    anchor = end = null;
    changed(errors);
    draw();
    text.focus({ preventScroll: true });
  }

  const step = (from, by) => {
    let index = from;
    do index += by; while (all[index]?.blank);
    return all[index] ? index : from;
  };

  text.addEventListener('keydown', (event) => {
    const forward = output.dir === 'rtl' || getComputedStyle(text).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    const backward = forward === 'ArrowRight' ? 'ArrowLeft' : 'ArrowRight';
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === forward || event.key === backward) choose(step(end ?? (event.key === forward ? -1 : all.length), event.key === forward ? 1 : -1), event.shiftKey);
    else if (event.key === 'Escape') {
      anchor = end = null;
      draw();
    } else if ((event.key === 'Delete' || event.key === 'Backspace') && end !== null && errorAt(end)) drop(errorAt(end));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const at = (event) => Number(document.elementFromPoint(event.clientX, event.clientY)?.closest?.('.marking .word')?.dataset.at ?? NaN);
  let dragged = false;
  text.addEventListener('pointerdown', (event) => {
    dragged = false;
    if (event.pointerType === 'mouse' && !Number.isNaN(at(event))) event.preventDefault(); // no selection of the browser's own
  });
  text.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'mouse' || event.buttons !== 1 || Number.isNaN(at(event))) return;
    choose(at(event), dragged);
    dragged = true;
  });
  text.addEventListener('click', (event) => {
    text.focus({ preventScroll: true });
    const index = Number(event.target.closest('.word')?.dataset.at ?? NaN);
    if (dragged || Number.isNaN(index)) return;
    if (anchor !== null && anchor === end && anchor === index) {
      anchor = end = null; // the same word again: nothing is chosen
      return draw();
    }
    choose(index, anchor !== null && anchor === end);
  });

  const button = (severity) => make('button', { type: 'button', class: severity, onclick: () => put(severity) }, words[`page.mark_${severity}`]);
  const [minor, major] = [button('minor'), button('major')];
  const hint = make('p', { class: 'question' }, words['page.mark_hint']);
  draw();
  return [text, make('div', { class: 'marks' }, hint, make('div', { class: 'pair' }, minor, major), list, say)];
}
