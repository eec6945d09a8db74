// What stays in this browser: the rater's token per study, and answers that the server has not confirmed.
const PREFIX = 'agl-rater/';
const memory = new Map(); // stands in where a browser keeps nothing

function storage() {
  try {
    localStorage.setItem(PREFIX + 'probe', '1');
    localStorage.removeItem(PREFIX + 'probe');
    return localStorage;
  } catch {
    return null;
  }
}

const disk = storage();
export const lasting = disk !== null;

export function read(name) {
  try {
    return JSON.parse((disk ? disk.getItem(PREFIX + name) : memory.get(name)) ?? 'null');
  } catch {
    return null;
  }
}

export function write(name, value) {
  const text = JSON.stringify(value);
  try {
    if (disk) disk.setItem(PREFIX + name, text);
    else memory.set(name, text);
  } catch {
    memory.set(name, text); // a full disk: at least as long as the page is open
  }
}

// Drafts of one rater, by the names of items: { values, comment, seconds, attempt }. An attempt is { id, path, body } from
// the press of the button until the server's receipt; its id never changes, so that the server stores it once.
export class Drafts {
  constructor(rater) {
    this.name = `drafts/${rater}`;
    this.all = read(this.name) ?? {};
  }

  get(item) {
    return this.all[item] ?? null;
  }

  // Read anew each time: another tab of hers has drafts of other items.
  set(item, draft) {
    this.all = { ...read(this.name), [item]: draft };
    write(this.name, this.all);
  }

  drop(item) {
    const { [item]: gone, ...others } = read(this.name) ?? {};
    this.all = others;
    write(this.name, this.all);
  }

  // Its answers were refused: they stay, and nothing is under way any more.
  settle(item) {
    const draft = this.get(item);
    if (draft) this.set(item, { ...draft, attempt: null });
  }

  // Names of items whose answers were sent but not confirmed, each with its attempt, in her order.
  unconfirmed() {
    const open = Object.entries(this.all).filter(([, draft]) => draft.attempt);
    return open.map(([item, draft]) => [item, draft.attempt]).sort(([, a], [, b]) => a.body.position - b.body.position);
  }
}

// A random UUID (version 4). crypto.randomUUID is missing where a page comes over plain http.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
