// On a phone the choices begin folded.
(() => {
  const fold = () => {
    const button = document.querySelector('#choices button.label-wrap');
    if (!button) return setTimeout(fold, 200);
    if (window.innerWidth < 700 && button.classList.contains('open')) button.click();
  };
  fold();
})();
