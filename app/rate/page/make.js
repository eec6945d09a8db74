// Elements and texts. Everything that people or models wrote goes in as text, never as markup.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Names one after another, with the comma of the page's language; on a page from right to left each keeps its own direction.
const COMMAS = { ar: '، ', ur: '، ', zh: '、', am: '፣ ' };
export function listed(names) {
  const { lang, dir } = document.documentElement;
  return names.map((name) => (dir === 'rtl' ? `\u2068${name}\u2069` : name)).join(COMMAS[lang.split('-')[0]] ?? ', ');
}

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
