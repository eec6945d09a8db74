// What an organiser wrote, as elements: paragraphs, lists, numbered lists, examples (> at the beginning of a line),
// headings (#), **bold**, *italic*, `code`. A part of Markdown; HTML in it is shown as the text it is.
import { make } from './make.js';

const MARKER = /^(\s*)([-*•]|\p{Nd}{1,3}[.)])\s+(.*)$/u;
const STYLES = { '٠': 'arabic-indic', '۰': 'persian', '०': 'devanagari', '০': 'bengali' }; // by the script's zero

// Elements for { text, lang, dir }.
export const rich = ({ text, lang, dir }) => [make('div', { class: 'rich', lang, dir }, ...blocks(text.split(/\r?\n/)))];

function blocks(lines) {
  const elements = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    if (!line.trim()) at++;
    else if (/^#{1,4}\s/.test(line)) elements.push(make('h4', {}, ...inline(lines[at++].replace(/^#+\s+/, ''))));
    else if (/^\s*>/.test(line)) {
      const quoted = [];
      while (at < lines.length && /^\s*>/.test(lines[at])) quoted.push(lines[at++].replace(/^\s*> ?/, ''));
      elements.push(make('blockquote', {}, ...blocks(quoted)));
    } else if (MARKER.test(line)) {
      const [element, next] = list(lines, at);
      elements.push(element);
      at = next;
    } else {
      const words = [];
      while (at < lines.length && lines[at].trim() && !MARKER.test(lines[at]) && !/^(\s*>|#{1,4}\s)/.test(lines[at])) words.push(lines[at++]);
      elements.push(make('p', {}, ...words.flatMap((one, index) => (index ? [make('br'), ...inline(one)] : inline(one)))));
    }
  }
  return elements;
}

const indent = (line) => line.length - line.trimStart().length;
const ordered = (marker) => /^\p{Nd}/u.test(marker);

// A list from line `at` on, and the line after it. What is indented below a point belongs to it.
function list(lines, at) {
  const [, spaces, first] = MARKER.exec(lines[at]);
  const points = [];
  while (at < lines.length) {
    const marked = MARKER.exec(lines[at]);
    if (marked && indent(lines[at]) <= spaces.length && ordered(marked[2]) === ordered(first)) points.push([marked[3]]);
    else if (lines[at].trim() && indent(lines[at]) > spaces.length) points.at(-1).push(lines[at].slice(spaces.length + 1).replace(/^ {1,2}/, ''));
    else if (!lines[at].trim() && continues(lines, at, spaces.length, first)) points.at(-1).push('');
    else break;
    at++;
  }
  const children = points.map((own) => make('li', {}, ...tight(blocks(own))));
  if (!ordered(first)) return [make('ul', {}, ...children), at];
  const [value, zero] = decimal(first);
  const numbered = make('ol', { start: value === 1 ? null : value }, ...children);
  numbered.style.listStyleType = STYLES[zero] ?? ''; // by a property: the page's policy allows no style attributes
  return [numbered, at];
}

// Whether the list goes on after empty lines.
function continues(lines, at, spaces, first) {
  const next = lines.slice(at).find((line) => line.trim());
  const marked = next && MARKER.exec(next);
  return Boolean(next) && (indent(next) > spaces || Boolean(marked && ordered(marked[2]) === ordered(first)));
}

// The text of a point that begins with a paragraph stands on the line of its number.
const tight = (elements) => (elements[0]?.tagName === 'P' ? [...elements[0].childNodes, ...elements.slice(1)] : elements);

// The number that a marker begins with, in any script, and that script's zero.
function decimal(marker) {
  const digits = [...marker].filter((one) => /\p{Nd}/u.test(one)).map((one) => one.codePointAt(0));
  let zero = digits[0];
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && digits[0] - zero < 9) zero--;
  return [digits.reduce((sum, digit) => 10 * sum + digit - zero, 0), String.fromCodePoint(zero)];
}

const TAGS = { '**': 'strong', '*': 'em', '`': 'code' };

function inline(text) {
  return text.split(/(\*\*[^*]+\*\*|\*[^*\s](?:[^*]*[^*\s])?\*|`[^`]+`)/).map((part) => {
    const mark = ['**', '*', '`'].find((one) => part.length > 2 * one.length && part.startsWith(one) && part.endsWith(one));
    return mark ? make(TAGS[mark], {}, part.slice(mark.length, -mark.length)) : part;
  });
}
