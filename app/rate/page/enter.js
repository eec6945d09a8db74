// How a rater comes in: by her own link (#rater=), by what this browser remembers of a study, by an invitation (#invite=),
// or into a study that is open to all. Secrets stand in the fragment, which no server and no log sees; links made before
// that have them in the query, and go on working.
import { make } from './item.js';
import { rich } from './rich.js';
import { read, uuid, write } from './storage.js';

export const parameter = (name) =>
  new URLSearchParams(location.hash.slice(1)).get(name) ?? new URLSearchParams(location.search).get(name);

// Resolves to her token, or to null when the page has said what is missing. `forget`: what the browser knew is no use.
export async function enter({ ask, speak, say, tokenOf, forget }) {
  if (parameter('rater')) return parameter('rater');
  const study = parameter('study');
  const token = study && !forget && tokenOf(study);
  const invitation = parameter('invite');
  if (token && (!invitation || (await same({ ask, speak, say, token })))) return token;
  if (token) forget = true; // what this browser knew is another person's
  const welcome = await ask('welcome', invitation ? { study, invitation } : { study, tag: read('tag') ?? document.documentElement.lang });
  speak(welcome);
  const main = document.getElementById('main');
  if (!welcome.study) {
    main.replaceChildren(make('p', { class: 'message' }, say('page.no_link')));
    return null;
  }
  return form(welcome, main, say, async (answers) => {
    // Made here and stored before it is sent: where the answer gets lost, asking again makes no second rater.
    const name = `own/${invitation ?? study}`;
    const own = (!forget && read(name)) || (uuid() + uuid()).replaceAll('-', '');
    write(name, own);
    const participant = welcome.participant ? parameter(welcome.participant) : null; // her id on the platform that sent her
    return ask('enter', { study, invitation, participant, ...answers }, own);
  });
}

// A link that makes raters, in a browser that a rater used before: is it she? The items that she rated are hers alone.
async function same({ ask, speak, say, token }) {
  const session = await ask('session', {}, token);
  speak(session);
  return new Promise((resolve) => {
    const values = { rater: session.rater, ...session.progress };
    const button = (id, key, answer, css) => make('button', { type: 'button', id, class: css, onclick: () => resolve(answer) }, say(key, values));
    const heading = make('h2', { tabindex: '-1' }, session.study.name);
    document.getElementById('main').replaceChildren(
      make('div', { class: 'welcome', id: 'who' }, heading, make('p', {}, say('page.who', values)),
        button('same', 'page.go_on_as', true, 'first'), button('other', 'page.not_me', false)),
    );
    heading.focus();
  });
}

const choice = (id, label, options) => {
  const select = make('select', { id, required: true }, make('option', { value: '' }, '…'));
  select.append(...options.map(({ value, text, lang }) => make('option', { value, lang }, text)));
  return make('div', { class: 'field' }, make('label', { for: id }, label), select);
};

function form(welcome, main, say, join) {
  return new Promise((resolve, reject) => {
    const skills = welcome.proficiencies.map((value) => ({ value, text: say(`page.proficiency_${value}`) }));
    const value = (id) => document.getElementById(id)?.value;
    const submitted = async (event) => {
      event.preventDefault();
      start.disabled = true;
      try {
        resolve((await join({ proficiency: value('skill'), language: value('rated') })).token);
      } catch (error) {
        reject(error);
      }
    };
    const start = make('button', { class: 'first', id: 'begin' }, say('page.begin'));
    const languages = welcome.languages_rated;
    const rated = languages.length === 1
      ? make('p', {}, `${say('rate.language')}: `, make('b', { lang: languages[0].lang, dir: languages[0].dir }, languages[0].name))
      : choice('rated', say('rate.language'), languages.map(({ tag, name }) => ({ value: tag, text: name, lang: tag })));
    main.replaceChildren(
      make('form', { class: 'welcome', onsubmit: submitted },
        make('h2', {}, welcome.study.name), make('p', {}, say('rate.lead')), ...rich(welcome.study.instructions), rated,
        choice('skill', say('page.proficiency'), skills), make('p', { class: 'quiet' }, say('page.privacy')), start),
    );
    if (languages.length === 1) main.querySelector('form').append(make('input', { type: 'hidden', id: 'rated', value: languages[0].tag }));
  });
}
