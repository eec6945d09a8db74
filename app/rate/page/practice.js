// Practice with feedback, then a test, before the first item. Nothing of it is a rating; what is expected comes from the server after an answer.
import { mark } from './keys.js';
import { listed, make } from './make.js';
import { scale } from './scale.js';
import { uuid } from './storage.js';

const ANSWER = { letter: 'A' }; // there is one at a time

// Resolves to true when she may begin, to false when her part is over.
export async function prepared(preparation, tools) {
  let open = preparation;
  while (open) {
    if (open.stage === 'failed') {
      show(over(open, tools));
      return false;
    }
    open = open.stage === 'practice' ? await practised(open, tools) : await tested(open, tools);
  }
  return true;
}

function show(...parts) {
  document.getElementById('main').replaceChildren(...parts);
  scrollTo(0, 0);
  parts[0].querySelector('h2').focus();
  mark();
}

const heading = (text) => make('h2', { tabindex: '-1' }, text);
const text = (part, properties) => make('p', { lang: part.lang, dir: part.dir, ...properties }, part.text);
const button = (id, label, onclick) => make('button', { type: 'button', class: 'first', id, onclick }, label);

// One exercise with its rows. `done(values)` is called once everything is answered, and returns what to do next.
function exercise(one, title, lead, label, { say, words }, done) {
  const values = {};
  const note = make('div', { role: 'alert' });
  const changed = (letter, criterion, value) => {
    values[criterion] = value;
    note.replaceChildren();
    mark();
  };
  const rows = one.criteria.map((criterion) => scale(ANSWER, criterion, undefined, words, changed));
  const check = button('check', label, () => {
    const open = one.criteria.filter(({ key }) => values[key] === undefined);
    if (!open.length) return done(values, rows, check, note);
    note.replaceChildren(make('p', { class: 'message error' }, say('rate.missing', { names: listed(open.map(({ name }) => name)) })));
    rows[one.criteria.indexOf(open[0])].querySelector('input').focus();
  });
  const source = make('section', { class: 'source' }, make('h3', {}, say('rate.source')), text(one.source, { class: 'original' }));
  const answer = make('section', { class: 'answer' }, make('h3', {}, say('page.answer')), text(one.output, { class: 'output' }), ...rows);
  const intro = make('div', { class: 'welcome' }, heading(title), make('p', {}, lead));
  show(intro, source, make('fieldset', { id: 'fields' }, answer), note, check);
}

async function practised({ exercises, practised: before }, tools) {
  const { ask, say } = tools;
  for (const [index, one] of exercises.entries()) {
    const title = say('page.practice', { number: before + index + 1, total: before + exercises.length });
    await new Promise((resolve, reject) => {
      exercise(one, title, say('page.practice_lead'), say('page.check'), tools, async (values, rows, check, note) => {
        check.disabled = true;
        try {
          const reply = await ask('practise', { key: one.key, values });
          Object.assign(document.getElementById('fields'), { disabled: true, className: 'answered' });
          reply.feedback.forEach((result) => rows[one.criteria.findIndex(({ key }) => key === result.criterion)].append(verdict(result, say)));
          note.setAttribute('role', 'status');
          note.replaceChildren(make('div', { class: 'message' }, make('h3', {}, say('page.why')), text(reply.why, {})));
          check.replaceWith(button('check', say('page.go_on'), resolve));
          document.getElementById('check').focus();
        } catch (error) {
          reject(error);
        }
      });
    });
  }
  return (await ask('preparation')).preparation;
}

function verdict({ low, high, right }, say) {
  const points = low === high ? String(low) : `${low}–${high}`;
  return make('p', { class: `verdict ${right ? 'right' : 'wrong'}` }, right ? say('page.as_expected') : say('page.expected', { points: `\u2066${points}\u2069` }));
}

async function tested(open, tools) {
  const { ask, say } = tools;
  const { exercises, needed, of, tries } = open;
  const lead = say('page.test_lead', { count: exercises.length, needed, of, tries });
  const begin = (resolve) => show(make('div', { class: 'welcome', id: 'test' }, heading(say('page.test')), make('p', {}, lead), button('check', say('page.begin'), resolve)));
  if (!open.again) await new Promise(begin); // a second try follows the result of the first
  const answers = {};
  for (const [index, one] of exercises.entries()) {
    const title = `${say('page.test')}: ${say('rate.progress', { done: index + 1, total: exercises.length })}`;
    await new Promise((resolve) => {
      exercise(one, title, say('page.test_hint'), say('page.go_on'), tools, (values) => {
        answers[one.key] = values;
        resolve();
      });
    });
  }
  document.getElementById('check').disabled = true;
  const reply = await ask('test', { id: uuid(), answers });
  if (reply.preparation?.stage === 'failed') return reply.preparation;
  const left = reply.preparation?.tries;
  const result = reply.passed ? say('page.test_passed', { right: reply.right, of: reply.of }) : say('page.test_not_passed', { right: reply.right, of: reply.of, needed, tries: left });
  const label = say(reply.passed ? 'page.begin' : 'page.test_again');
  await new Promise((resolve) => show(make('div', { class: 'welcome', id: 'result' }, heading(say('page.test')), make('p', {}, result), button('check', label, resolve))));
  return reply.preparation && { ...reply.preparation, again: true };
}

// Those who do not pass are told so, thanked, and sent back with the code for it where a platform sent them.
function over({ completion }, { say }) {
  const box = make('div', { class: 'welcome', id: 'not-passed' }, heading(say('page.test')), make('p', {}, say('page.not_passed')));
  if (!completion) return box;
  box.append(make('p', { class: 'message', id: 'code' }, `${say('page.code')} `, make('b', { dir: 'ltr' }, completion.code)));
  if (completion.redirect) box.append(make('p', {}, make('a', { id: 'return', href: completion.redirect, rel: 'noreferrer' }, say('page.return'))));
  return box;
}
