// The search of every page: over sections of the guides and over operations, by an index that was made when the gateway was built. It
// finds what is folded or not drawn, too. `/` goes to it, arrows choose, Enter opens, Escape closes.
import MiniSearch from './minisearch.js';

const SHOWN = 12;
const REFERENCE = '/docs/reference/';
// Of `top_k` the parts are short words, and meant as they stand.
const isLong = (word) => word.length > 2;
const OPTIONS = { prefix: isLong, fuzzy: (word) => isLong(word) && 0.2, combineWith: 'AND', boost: { heading: 4, page: 2 } };

const input = document.querySelector('#search');
const list = document.querySelector('#results');
let loading;
let chosen = -1;

// An operation of the page that was at this address before.
if (location.pathname === '/docs/' && location.hash.startsWith('#/')) location.replace(`${REFERENCE}${location.hash}`);

/** The index, fetched when somebody begins to search. */
async function index() {
  loading ??= Promise.all([fetch('/docs/search.json'), fetch('/docs/search-options.json')]).then(async ([text, options]) =>
    MiniSearch.loadJSON(await text.text(), await options.json()),
  );
  return loading;
}

async function search() {
  const text = input.value.trim();
  const found = text === '' ? [] : (await index()).search(text, OPTIONS).slice(0, SHOWN);
  // What was typed meanwhile has its own results.
  if (text !== input.value.trim()) return;
  list.replaceChildren(...(found.length === 0 && text !== '' ? [nothing(text)] : found.map(row)));
  list.hidden = text === '';
  input.setAttribute('aria-expanded', String(!list.hidden));
  choose(found.length > 0 ? 0 : -1);
}

function row({ heading, page, url }, position) {
  const item = Object.assign(document.createElement('li'), { id: `result-${position}`, role: 'option' });
  const link = Object.assign(document.createElement('a'), { href: url, tabIndex: -1 });
  link.append(heading, Object.assign(document.createElement('small'), { textContent: page }));
  link.addEventListener('click', () => {
    close();
    // The reference opens what its address names only when it is loaded.
    if (link.pathname === REFERENCE && location.pathname === REFERENCE) addEventListener('hashchange', () => location.reload(), { once: true });
  });
  item.append(link);
  return item;
}

function nothing(text) {
  return Object.assign(document.createElement('li'), { textContent: `Nothing has "${text}".` });
}

function choose(position) {
  const items = [...list.querySelectorAll('[role=option]')];
  chosen = items.length === 0 ? -1 : (position + items.length) % items.length;
  for (const [at, item] of items.entries()) item.setAttribute('aria-selected', String(at === chosen));
  items[chosen]?.scrollIntoView({ block: 'nearest' });
  if (chosen < 0) input.removeAttribute('aria-activedescendant');
  else input.setAttribute('aria-activedescendant', items[chosen].id);
}

function close() {
  list.hidden = true;
  input.setAttribute('aria-expanded', 'false');
}

const keys = {
  ArrowDown: () => choose(chosen + 1),
  ArrowUp: () => choose(chosen - 1),
  Enter: () => list.querySelector('[aria-selected=true] a')?.click(),
  Escape: close,
};

input.addEventListener('input', search);
input.addEventListener('keydown', (event) => {
  const act = keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest('input, textarea, select, [contenteditable]') !== null;
  if (event.key !== '/' || isTyping) return;
  event.preventDefault();
  input.focus();
});
document.addEventListener('click', (event) => {
  if (event.target.closest('.search') === null) close();
});
