// Words in the language of the page: language and direction of the document.
window.aglTurn = (tag, rightToLeft) => {
  document.documentElement.lang = tag;
  document.documentElement.dir = rightToLeft ? 'rtl' : 'ltr';
  document.body.classList.toggle('agl-rtl', rightToLeft);
};
// The language that was chosen outlives a reload; null where none was, or the browser keeps nothing.
window.aglRemember = (tag) => {
  try {
    localStorage.setItem('agl-language', tag);
  } catch {
    // for this visit alone
  }
  return tag;
};
window.aglRemembered = (offered) => {
  try {
    const tag = localStorage.getItem('agl-language');
    return offered.includes(tag) ? tag : null;
  } catch {
    return null;
  }
};
// Every tab has a title of its own.
(() => {
  const title = () => {
    const tab = document.querySelector('#agl-tabs button[role="tab"][aria-selected="true"]');
    const wanted = tab ? `${tab.textContent.trim()} · AGL` : 'AGL';
    if (document.title !== wanted) document.title = wanted;
  };
  addEventListener('DOMContentLoaded', () => new MutationObserver(title).observe(document.body,
    {subtree: true, childList: true, attributes: true, attributeFilter: ['aria-selected']}));
})();
// The "?" beside a word shows its definition to finger, mouse and keyboard; Escape and a press elsewhere close it.
(() => {
  let box;
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('button.help');
    if (!button) return;
    if (!box) {
      box = Object.assign(document.createElement('div'), {id: 'agl-definition', popover: 'auto'});
      box.setAttribute('role', 'dialog');
      document.body.append(box);
    }
    const word = button.parentElement.firstChild.textContent;
    box.setAttribute('aria-label', word);
    box.replaceChildren(Object.assign(document.createElement('b'), {textContent: word}), ` ${button.title}`);
    box.dir = getComputedStyle(button).direction;
    box.showPopover();
  });
})();
// Gradio calls the button that takes an entry out of a list by the entry's number; its text says more.
for (const name of ['focusin', 'pointerover'])
  document.addEventListener(name, (event) => {
    const button = event.target.closest?.('.token .token-remove');
    if (!button || button.dataset.named) return;
    const text = button.closest('.token').querySelector('span').textContent.trim();
    button.dataset.named = 'true';
    button.title = `${(button.title || 'Remove').replace(/ \S+$/, '')} ${text}`;
    button.setAttribute('aria-label', button.title);
  });
// A press on a heading of a sortable table sorts its rows by that column, and turns the order when pressed again.
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('table.sortable thead button.sort');
  if (!button) return;
  const head = button.closest('th'), table = button.closest('table'), body = table.tBodies[0];
  const column = [...head.parentElement.children].indexOf(head);
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const rows = [...body.rows], numbers = rows.every((row) => value(row).trim() !== '' && !isNaN(value(row)));
  const compare = (a, b) => (numbers ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b)));
  const now = head.getAttribute('aria-sort');
  const down = now ? now === 'ascending' : numbers && column > 0;  // numbers begin with the highest
  rows.sort((a, b) => (down ? compare(b, a) : compare(a, b)));
  for (const other of head.parentElement.children) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  body.append(...rows);
});
// On a phone the choices begin folded.
(() => {
  const fold = () => {
    const button = document.querySelector('#choices button.label-wrap');
    if (!button) return setTimeout(fold, 200);
    if (window.innerWidth < 700 && button.classList.contains('open')) button.click();
  };
  fold();
})();
