// How a rater comes in: by her own link (?rater=), by what this browser remembers of a study, or by an invitation.
import { make } from './item.js';
import { read, uuid, write } from './keep.js';

// Resolves to her token, or to null when the page has said what is missing. `forget`: what the browser knew is no use.
export async function enter({ ask, speak, say, known, forget }) {
  const asked = new URLSearchParams(location.search);
  if (asked.get('rater')) return asked.get('rater');
  const slug = asked.get('study');
  const kept = slug && !forget && known(slug);
  if (kept) return kept;
  const invitation = asked.get('invite');
  const door = await ask('door', { study: slug, invitation });
  speak(door);
  const main = document.getElementById('main');
  if (!invitation) {
    main.replaceChildren(make('p', { class: 'message' }, say('page.no_link')));
    return null;
  }
  return form(door, main, say, async (answers) => {
    // Made here and kept before it is sent: where the answer gets lost, asking again makes no second rater.
    const own = read(`own/${invitation}`) ?? (uuid() + uuid()).replaceAll('-', '');
    write(`own/${invitation}`, own);
    return ask('enter', { study: slug, invitation, ...answers }, own);
  });
}

const choice = (id, label, options) => {
  const select = make('select', { id, required: true }, make('option', { value: '' }, '…'));
  select.append(...options.map(({ value, text }) => make('option', { value }, text)));
  return make('div', { class: 'field' }, make('label', { for: id }, label), select);
};

function form(door, main, say, join) {
  return new Promise((resolve, reject) => {
    const { text, lang, dir } = door.study.instructions;
    const skills = door.proficiencies.map((value) => ({ value, text: say(`page.proficiency_${value}`) }));
    const submitted = async (event) => {
      event.preventDefault();
      start.disabled = true;
      try {
        resolve((await join({ proficiency: document.getElementById('skill').value })).token);
      } catch (error) {
        reject(error);
      }
    };
    const start = make('button', { class: 'first', id: 'begin' }, say('page.begin'));
    const rated = make('p', {}, `${say('rate.language')}: `, make('b', { lang: door.rated.lang, dir: door.rated.dir }, door.rated.name));
    main.replaceChildren(
      make('form', { class: 'door', onsubmit: submitted },
        make('h2', {}, door.study.name), make('p', {}, say('rate.lead')), make('p', { lang, dir }, text), rated,
        choice('skill', say('page.proficiency'), skills), make('p', { class: 'quiet' }, say('page.privacy')), start),
    );
  });
}
