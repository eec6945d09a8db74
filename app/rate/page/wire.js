// Talking to the server. Either it answered, or it refused (the answer says why), or nobody knows: then again, later.
const PATIENCE = 20000; // ms until a silent request counts as lost
const PAUSES = [2, 4, 8, 15, 30]; // s between tries

export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

class Lost extends Error {}

async function once(path, body, token) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const headers = { 'Content-Type': 'application/json' };
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(`rate/${path}`, {
      method: 'POST', headers, body: JSON.stringify(body), signal: stop.signal, cache: 'no-store', credentials: 'same-origin',
    });
    const content = await answer.json(); // a proxy's error page is no JSON: lost, like a broken line
    if (answer.ok) return content;
    if (answer.status >= 500 || [408, 425, 429].includes(answer.status) || !content.error) throw new Lost();
    throw new Refused(content.error, content.message);
  } catch (error) {
    throw error instanceof Refused ? error : new Lost();
  } finally {
    clearTimeout(timer);
  }
}

// Waits, counting down; ends early when the browser is online again or the rater says so.
function pause(seconds, tick, hurry) {
  return new Promise((resolve) => {
    let left = seconds;
    const done = () => {
      clearInterval(timer);
      removeEventListener('online', done);
      hurry.removeEventListener('click', done);
      resolve();
    };
    const timer = setInterval(() => (--left > 0 ? tick(left) : done()), 1000);
    addEventListener('online', done);
    hurry.addEventListener('click', done);
    tick(left);
  });
}

// Posts until there is an answer. `progress` hears 'sending', 'waiting' (with seconds left) and 'resending'.
export async function post(path, body, token, hurry, progress = () => {}) {
  for (let tries = 0; ; tries++) {
    progress(tries ? 'resending' : 'sending');
    try {
      return await once(path, body, token);
    } catch (error) {
      if (error instanceof Refused) throw error;
      const seconds = PAUSES[Math.min(tries, PAUSES.length - 1)];
      await pause(seconds, (left) => progress('waiting', left, left === seconds), hurry);
    }
  }
}
