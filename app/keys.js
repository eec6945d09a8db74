// Rating by keyboard: 1 to 5 fill the first row that has no value yet (marked), Enter saves.
(() => {
  const rows = () => [...document.querySelectorAll('.agl-criterion')].filter((row) => row.offsetParent !== null);
  const open = () => rows().find((row) => !row.querySelector('input:checked'));
  const mark = () => {
    const next = open();
    for (const row of rows()) row.classList.toggle('agl-marked', row === next);
  };
  document.addEventListener('change', (event) => { if (event.target.closest?.('.agl-criterion')) setTimeout(mark, 30); });
  document.addEventListener('keydown', (event) => {
    const typing = event.target.matches?.('textarea, input:not([type=radio])');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !rows().length) return;
    if (/^[1-5]$/.test(event.key)) {
      const row = event.target.closest?.('.agl-criterion') ?? open();
      row?.querySelectorAll('input')[Number(event.key) - 1]?.click();
      // A button pressed before must not take the Enter that is meant to save.
      if (event.target.closest?.('button')) event.target.blur();
      setTimeout(mark, 30);
      event.preventDefault();
    } else if (event.key === 'Enter' && !event.target.closest?.('button')) {
      document.querySelector('#rate-save')?.click();
      event.preventDefault();
    }
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
