// Words in the language of the page: language and direction of the document.
window.aglTurn = (tag, rightToLeft) => {
  document.documentElement.lang = tag;
  document.documentElement.dir = rightToLeft ? 'rtl' : 'ltr';
  document.body.classList.toggle('agl-rtl', rightToLeft);
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
// On a phone the choices begin folded.
(() => {
  const fold = () => {
    const button = document.querySelector('#choices button.label-wrap');
    if (!button) return setTimeout(fold, 200);
    if (window.innerWidth < 700 && button.classList.contains('open')) button.click();
  };
  fold();
})();
