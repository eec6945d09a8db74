// What stands before the first item: the consent text, then questions about the rater, practice and a test. Each is sent as soon as it is given.
import { make } from './item.js';
import { prepared } from './practice.js';
import { rich } from './rich.js';

// Resolves to true when nothing is open any more, to false when she does not agree or did not pass.
export async function passed(before, tools) {
  const { ask, say } = tools;
  if (before.consent && !(await consented(before.consent, ask, say))) return false;
  if (before.questions.length) await answered(before.questions, ask, say);
  return prepared(before.preparation, tools);
}

function shown(form) {
  document.getElementById('main').replaceChildren(form);
  scrollTo(0, 0);
  form.querySelector('h2').focus();
}

const heading = (text) => make('h2', { tabindex: '-1' }, text);

function consented({ version, text, lang, dir }, ask, say) {
  return new Promise((resolve, reject) => {
    const agree = async () => {
      yes.disabled = true;
      ask('agree', { version }).then(() => resolve(true), reject);
    };
    const decline = () => {
      document.getElementById('main').replaceChildren(make('p', { class: 'message', id: 'declined' }, say('page.declined')));
      resolve(false);
    };
    const yes = make('button', { class: 'first', id: 'agree', type: 'button', onclick: agree }, say('page.agree'));
    const no = make('button', { id: 'decline', type: 'button', onclick: decline }, say('page.decline'));
    shown(make('div', { class: 'welcome', id: 'consent' }, heading(say('page.consent')), ...rich({ text, lang, dir }), yes, no));
  });
}

function field(question, number, say) {
  const id = `question-${number}`;
  const { text, lang, dir, kind, optional, options } = question;
  const label = make('label', { for: id, lang, dir }, text, optional ? ` (${say('page.optional')})` : '');
  const required = !optional;
  if (kind !== 'choice') return make('div', { class: 'field' }, label, make('input', { id, type: kind === 'number' ? 'number' : 'text', step: 'any', maxlength: 1000, required }));
  const choices = options.map((option, index) => make('option', { value: String(index), lang: option.lang, dir: option.dir }, option.text));
  return make('div', { class: 'field' }, label, make('select', { id, required }, make('option', { value: '' }, '…'), ...choices));
}

function answered(questions, ask, say) {
  return new Promise((resolve, reject) => {
    const value = (question, number) => {
      const text = document.getElementById(`question-${number}`).value.trim();
      if (!text) return null;
      return question.kind === 'text' ? text : Number(text);
    };
    const submitted = (event) => {
      event.preventDefault();
      send.disabled = true;
      const answers = Object.fromEntries(questions.map((question, number) => [question.key, value(question, number)]));
      ask('background', { answers }).then(resolve, reject);
    };
    const send = make('button', { class: 'first', id: 'answered' }, say('page.go_on'));
    const fields = questions.map((question, number) => field(question, number, say));
    shown(make('form', { class: 'welcome', id: 'questions', onsubmit: submitted }, heading(say('page.about_you')), ...fields, send));
  });
}
