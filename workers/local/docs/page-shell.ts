export interface GuidePage {
  /** Of its source, from the root. */
  readonly source: string;
  readonly url: string;
  readonly title: string;
  readonly markdown: string;
}

/** What a page has around its text: the bar with the search, and the list of all pages. It runs no script but the search, and has no style of its own. */
export function pageShell(page: GuidePage, pages: readonly GuidePage[], body: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${escaped(page.title)} - Sluice</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/docs/docs.css" />
    <script type="module" src="/docs/search.js"></script>
  </head>
  <body>
    <header class="bar">
      <a class="home" href="/docs/">Sluice</a>
      <a href="/docs/reference/">API reference</a>
      <a href="/openapi.json">openapi.json</a>
      <div class="search" role="search">
        <input id="search" type="search" placeholder="Search guides and operations ( / )" aria-label="Search guides and operations"
          role="combobox" aria-expanded="false" aria-controls="results" autocomplete="off" />
        <ul id="results" role="listbox" aria-label="Results" hidden></ul>
      </div>
    </header>
    <div class="columns">
      <nav aria-label="Pages">${GROUPS.map(([name, prefix]) => groupOf(name, prefix, page, pages)).join('')}</nav>
      <main>${body}</main>
    </div>
  </body>
</html>
`;
}

const GROUPS = [
  ['Guides', 'docs/api/'],
  ['The project', 'docs/'],
  ['Designs', 'docs/design/'],
] as const;

function groupOf(name: string, prefix: string, page: GuidePage, pages: readonly GuidePage[]): string {
  const links = pages
    .filter(({ source, url }) => source.slice(0, source.lastIndexOf('/') + 1) === prefix && url !== '/docs/')
    .map((one) => `<li><a href="${one.url}"${one === page ? ' aria-current="page"' : ''}>${escaped(one.title)}</a></li>`);
  // Guides are what most look for; a fold with the page of the reader is open.
  const isOpen = prefix === 'docs/api/' || links.some((link) => link.includes('aria-current'));
  return `<details${isOpen ? ' open' : ''}><summary><strong>${name}</strong></summary><ul>${links.join('')}</ul></details>`;
}

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
