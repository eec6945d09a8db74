// The rating page: who is here, which item she sees, and what has been saved.
import { Drafts, lasting, read, uuid, write } from './storage.js';
import { draw, fill, make } from './item.js';
import { listed } from './make.js';
import { passed } from './before.js';
import { enter, parameter } from './enter.js';
import { rich } from './rich.js';
import { listen, mark } from './keys.js';
import { Refused, post } from './wire.js';

const $ = (id) => document.getElementById(id);
const page = { words: JSON.parse($('words').textContent), tag: null, token: null, study: null, item: null, draft: null, drafts: null, busy: false, closed: false };

const say = (key, values = {}) => fill(page.words[key] ?? key, values);

// --- what is saved and what is not -------------------------------------------------------------------------------
function state(kind, text, aloud = true) {
  $('state').textContent = text;
  $('state').className = kind;
  if (aloud && $('live').textContent !== text) $('live').textContent = text;
  $('course').hidden = false;
  $('again').hidden = kind !== 'lost';
}

const clock = (moment) => new Date(moment).toLocaleTimeString(page.tag ?? undefined, { hour: '2-digit', minute: '2-digit' });

// How a request fares, in words; answers that are under way never read as saved.
function reporting(sending, waiting) {
  return (stage, seconds, aloud) => {
    if (stage === 'sending') return sending && state('busy', say(sending));
    if (stage === 'resending') return state('lost', say('page.resending'));
    return state('lost', say(waiting, { seconds }), aloud);
  };
}

const ask = (path, body = {}, token = page.token) =>
  post(path, { tag: page.tag, ...body }, token, $('again'), reporting(null, 'page.unreachable'));

// --- time on the item, while the page can be seen ----------------------------------------------------------------
let since = null;

function clockIn() {
  since = document.visibilityState === 'visible' ? performance.now() : null;
}

function clockOut() {
  if (since !== null && page.draft && !page.draft.attempt) page.draft.seconds += (performance.now() - since) / 1000;
  since = null;
}

document.addEventListener('visibilitychange', () => {
  clockOut();
  store();
  clockIn();
});
addEventListener('pagehide', () => {
  clockOut();
  store();
});

// --- answers that are not confirmed yet ---------------------------------------------------------------------------
const touched = () => page.draft && (page.draft.changed || page.draft.attempt);

function store() {
  if (page.item && touched()) page.drafts.set(page.item.name, page.draft);
}

function edited() {
  page.draft.changed = true;
  store();
  unsaved();
  note();
  mark();
}

const events = {
  changed(letter, criterion, value) {
    (page.draft.values[letter] ??= {})[criterion] = value;
    $(`row-${letter}-${criterion}`).classList.remove('open');
    edited();
  },
  preferred(question, ranks) {
    page.draft.preferences[question] = ranks;
    edited();
  },
  marked(letter, spans) {
    page.draft.spans[letter] = spans;
    edited();
  },
  asked(rows) {
    page.compared = rows;
  },
  commented(comment) {
    page.draft.comment = comment;
    edited();
  },
  skipped(reason) {
    if (!reason) return note(say('page.choose_reason'), $('reason'));
    send('skip', { reason, comment: page.draft.comment });
  },
};

// Above the buttons, which are on the screen wherever she has scrolled to. `choices`: buttons that go with it.
function note(text = '', focus = null, choices = []) {
  const buttons = choices.length ? [make('div', { class: 'pair' }, ...choices)] : [];
  if (text && $('bar').hidden) return $('main').prepend(make('p', { class: 'message error', role: 'alert' }, text));
  $('note').replaceChildren(...(text ? [make('div', { class: 'message error' }, make('p', {}, text), ...buttons)] : []));
  focus?.focus({ preventScroll: true });
  focus?.closest('.row, .field, main > *')?.scrollIntoView({ block: 'center' });
}

// What she sees is not on the server, and why not, where that is known.
const unsaved = () => (page.closed ? state('shut', say('page.closed_state')) : state('open', say('rate.not_saved')));

// What is still asked for: [{ id of its row, name }].
function missing() {
  const open = page.item.outputs.flatMap((output) =>
    page.item.criteria.filter((one) => page.draft.values[output.letter]?.[one.key] === undefined)
      .map((one) => ({ id: `row-${output.letter}-${one.key}`, name: `${output.letter} · ${one.name}` })));
  return [...open, ...page.compared.filter((row) => row.open())];
}

// --- saving --------------------------------------------------------------------------------------------------------
function save() {
  if (!page.item || page.busy) return;
  if (page.item.state === 'done' && !page.draft.changed) return next();
  const open = missing();
  if (open.length) {
    const names = listed(open.map(({ name }) => name));
    const rows = open.map(({ id }) => $(id));
    for (const row of rows) row.classList.add('open');
    return note(say('rate.missing', { names }), rows[0].querySelector('input'));
  }
  clockOut();
  const { values, preferences, comment, seconds, revision } = page.draft;
  const spans = page.item.marks ? Object.fromEntries(page.item.outputs.map(({ letter }) => [letter, page.draft.spans[letter] ?? []])) : {};
  send('submit', { values, preferences, spans, comment, revision, seconds: Math.round(seconds * 10) / 10 });
}

function send(path, content) {
  clockOut();
  const body = { id: uuid(), position: page.item.position, item: page.item.name, ...content };
  page.draft.attempt = { id: body.id, path, body };
  store();
  deliver(page.item.name, page.draft.attempt);
}

// Answers under way can't be changed: otherwise an older version could arrive after a newer one.
function lock(on) {
  page.busy = on;
  if ($('fields')) $('fields').disabled = on;
  for (const id of ['save', 'back', 'forward']) $(id).disabled = on;
}

async function deliver(name, attempt) {
  lock(true);
  let refusal = null;
  try {
    const receipt = await post(attempt.path, attempt.body, page.token, $('again'), reporting('page.saving', 'page.lost'));
    page.drafts.drop(name);
    page.closed = false;
    const words = receipt.backed_up === false ? 'page.saved_once' : 'rate.saved'; // stored, but the journal could not be written
    state('saved', say(words, { time: clock(receipt.saved_at) }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refusal = error;
    if (error.code === 'taken') page.drafts.drop(name);
    else page.drafts.settle(name);
    if (page.draft && page.item?.name === name) page.draft.attempt = null;
    page.closed = error.code === 'closed';
    unsaved();
  }
  lock(false);
  if (refusal === null || refusal.code === 'taken' || refusal.code === 'moved') {
    page.draft = null;
    await next();
  }
  if (refusal !== null) note(refused(refusal), null, refusal.code === 'newer' ? choices() : []);
  clockIn();
}

// She answered elsewhere after what this page shows: which of the two counts is hers to say.
function choices() {
  const { item } = page;
  const button = (id, key, onclick) => make('button', { type: 'button', id, onclick }, say(key));
  const stored = () => {
    page.drafts.drop(item.name);
    page.draft = null;
    look(item.position, item.name);
  };
  const mine = async () => {
    const { draft } = page;
    const reply = await ask('look', { position: item.position, item: item.name });
    if (page.draft !== draft) return;
    draft.revision = reply.item.revision;
    draft.changed = true;
    save();
  };
  return [button('show-saved', 'page.show_newer', stored), button('save-mine', 'page.save_mine', mine)];
}

const refused = (error) => (page.words[`page.error_${error.code}`] ? say(`page.error_${error.code}`, { reason: error.message }) : error.message);

// --- showing -------------------------------------------------------------------------------------------------------
function course(progress) {
  const settled = progress.done + progress.skipped;
  $('count').textContent = say('rate.progress', { done: settled, total: progress.total });
  $('progress').max = Math.max(progress.total, 1);
  $('progress').value = settled;
  $('progress').setAttribute('aria-label', $('count').textContent);
  $('course').hidden = false;
  page.progress = progress;
}

function show(reply) {
  course(reply.progress);
  page.item = reply.item;
  page.completion = reply.completion;
  if (!reply.item) return farewell();
  note();
  const { values, preferences, comment, revision } = reply.item;
  const restored = page.drafts.get(reply.item.name);
  page.draft = restored ?? { values: structuredClone(values), comment: comment ?? '', seconds: 0, attempt: null, changed: false };
  page.draft.preferences ??= structuredClone(preferences);
  page.draft.spans ??= structuredClone(reply.item.spans ?? {});
  page.draft.revision ??= revision; // what she saw when she began to answer
  $('main').replaceChildren(...draw(reply.item, page.draft, Boolean(restored), page.words, events), more());
  $('bar').hidden = false;
  $('back').disabled = reply.item.position < 2;
  $('forward').hidden = reply.item.state === 'pending';
  if (restored) unsaved();
  clockIn();
  mark();
  scrollTo(0, 0);
  $('item').focus({ preventScroll: true });
}

function farewell() {
  page.draft = null;
  $('bar').hidden = true;
  const { done, total, skipped } = page.progress;
  const key = total === 0 ? 'page.nothing_now' : 'rate.done';
  const numbers = Array.from({ length: done + skipped }, (_, index) => index + 1);
  const buttons = numbers.map((number) => make('button', { type: 'button', onclick: () => look(number), 'aria-label': say('page.item', { number }) }, String(number)));
  const again = buttons.length ? [make('h3', {}, say('rate.look_again')), make('p', {}, say('page.review')), make('div', { class: 'numbers' }, ...buttons)] : [];
  const thanks = make('p', { class: 'message', id: 'thanks', tabindex: '-1' }, say(key, { done, total, skipped }));
  $('main').replaceChildren(thanks, ...returning(), ...again, more());
  thanks.focus();
}

// What a platform that sent her wants back.
function returning() {
  if (!page.completion) return [];
  const { code, redirect } = page.completion;
  const line = make('p', { class: 'message', id: 'code' }, `${say('page.code')} `, make('b', { dir: 'ltr' }, code));
  return redirect ? [line, make('p', {}, make('a', { id: 'return', href: redirect, rel: 'noreferrer' }, say('page.return')))] : [line];
}

async function guarded(work) {
  if (page.busy) return;
  clockOut();
  store();
  lock(true);
  try {
    const reply = await work();
    lock(false);
    show(reply);
  } catch (error) {
    lock(false);
    if (!(error instanceof Refused)) throw error;
    message(refused(error));
  }
}

const next = () => guarded(() => ask('next'));
const look = (position, item) => guarded(() => ask('look', { position, item }));

function back() {
  if (page.item && page.item.position > 1) look(page.item.position - 1);
}

function message(text) {
  if (!$('bar').hidden) return note(text);
  $('main').replaceChildren(make('p', { class: 'message error', role: 'alert' }, text));
}

// Help, keys, and the rater's own link.
function more() {
  const toggle = make('input', { type: 'checkbox', id: 'use-keys', checked: read('keys') !== false, onchange: (event) => write('keys', event.target.checked) });
  const keys = make('label', { class: 'check' }, toggle, say('page.use_keys'));
  const link = new URL(`?study=${encodeURIComponent(page.study.slug)}#rater=${encodeURIComponent(page.token)}`, location.href).href;
  const field = make('input', { id: 'own-link', readonly: true, value: link, dir: 'ltr', onfocus: (event) => event.target.select() });
  const copy = make('button', { type: 'button', onclick: async (event) => {
    field.select();
    try {
      await navigator.clipboard.writeText(link);
      event.target.textContent = say('page.copied');
    } catch {
      // the link is selected: the rater copies it by hand
    }
  } }, say('page.copy'));
  const own = [make('label', { for: 'own-link' }, say('page.own_link')), make('div', { class: 'pair' }, field, copy)];
  const storage = lasting ? [] : [make('p', { class: 'message' }, say('page.no_storage'))];
  const instructions = [make('h3', {}, say('page.instructions')), make('p', {}, say(page.adjudicates ? 'page.adjudicate_lead' : 'rate.lead', { rater: page.rater })), ...rich(page.study.instructions)];
  const another = make('button', { type: 'button', id: 'not-me', onclick: leave }, say('page.not_me'));
  const who = page.preview || page.adjudicates ? [] : [make('p', {}, say('page.you_are', { rater: page.rater })), another];
  const summary = make('summary', {}, say('page.more'));
  return make('details', { class: 'fold', id: 'more' }, summary, ...instructions, make('p', {}, say('rate.keys')), keys, ...own, ...who, ...storage, ...(page.adjudicates ? [] : [make('p', {}, say('page.privacy'))]));
}

// Another person takes this browser: what it knew of the first goes, her saved answers stay with her link.
function leave() {
  if (page.busy) return;
  store();
  write(`token/${page.study.slug}`, null);
  location.reload();
}

// --- language ------------------------------------------------------------------------------------------------------
export function speak(session) {
  Object.assign(page, { words: session.words, tag: session.tag });
  document.documentElement.lang = session.tag;
  document.documentElement.dir = session.dir;
  document.title = session.study ? `${session.study.name} · ${say('page.title')}` : say('page.title');
  if (session.study) $('study').textContent = session.study.name;
  $('preview').textContent = session.adjudicates ? say('page.adjudicating', { rater: session.rater }) : say('page.preview');
  $('back').textContent = say('rate.back');
  $('forward').textContent = say('page.forward');
  $('save').textContent = say('rate.save');
  $('again').textContent = say('page.try_now');
  const tongue = $('tongue');
  tongue.setAttribute('aria-label', say('page.interface'));
  tongue.replaceChildren(...session.languages.map(({ tag, name }) => make('option', { value: tag, lang: tag, selected: tag === session.tag }, name)));
  tongue.hidden = false;
}

async function turn(tag) {
  if (tag === page.tag) return; // what stands there already is not drawn again, with what is being marked in it
  if (page.busy) return setTimeout(() => turn(tag), 100); // after what is under way
  write('tag', tag);
  page.tag = tag;
  if (!page.token) return begin();
  store();
  const session = await ask('session');
  speak(session);
  if (session.before.consent || session.before.questions.length || session.before.preparation) return admitted(page.token);
  const saved = $('state').className === 'saved' ? '' : $('state').className;
  if (page.item) await guarded(() => ask('look', { position: page.item.position, item: page.item.name }));
  else farewell();
  state(saved || 'idle', saved === 'open' ? say('rate.not_saved') : '', false);
}

// --- coming in -----------------------------------------------------------------------------------------------------
async function admitted(token) {
  page.token = token;
  const session = await ask('session');
  Object.assign(page, { study: session.study, rater: session.rater, preview: Boolean(session.preview), adjudicates: Boolean(session.adjudicates) });
  page.drafts = new Drafts(session.rater);
  if (!page.preview && !page.adjudicates) { // an adjudicator's link stays hers: this browser may be a rater's
    write(`token/${session.study.slug}`, token);
    history.replaceState(null, '', `?study=${encodeURIComponent(session.study.slug)}`);
  }
  $('preview').hidden = !page.preview && !page.adjudicates;
  speak(session);
  if (!(await passed(session.before, { ask, say, words: page.words }))) return;
  course(session.progress);
  for (const [name, attempt] of page.drafts.unconfirmed()) await resume(name, attempt);
  if (!page.item || page.item.state !== 'pending') await next();
}

// Sends again what was under way when the page was left. An item that is not hers any more keeps nobody from the others.
async function resume(name, attempt) {
  const { position, item } = attempt.body;
  try {
    show(await ask('look', { position, item }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return page.drafts.settle(name);
  }
  await deliver(name, attempt);
}

async function begin(forget = false) {
  try {
    const token = await enter({ ask, speak, say, forget, tokenOf: (slug) => read(`token/${slug}`) });
    if (token) await admitted(token);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    page.token = null;
    if (error.code === 'link' && parameter('study') && !parameter('rater') && !forget) return begin(true);
    message(refused(error));
  }
}

page.tag = read('tag');
$('tongue').addEventListener('change', (event) => turn(event.target.value));
$('save').addEventListener('click', save);
$('back').addEventListener('click', back);
$('forward').addEventListener('click', next);
addEventListener('hashchange', () => location.hash.length > 1 && location.reload()); // another link of the same study
$('again').textContent = say('page.try_now');
listen({ save, enabled: () => read('keys') !== false });
begin();
