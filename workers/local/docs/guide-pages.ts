import { cp, mkdir, glob, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';

import { Marked } from 'marked';
import type { Tokens } from 'marked';

import { ROOT } from '../paths.ts';
import type { GuidePage } from './page-shell.ts';
import { escaped, pageShell } from './page-shell.ts';

/** Where the page of `/docs` itself comes from. */
const START = 'docs/start.md';
const SOURCES = ['docs/*.md', 'docs/api/*.md', 'docs/design/*.md'];

/** A part of a page below a heading, as the search knows it. */
export interface Section {
  readonly page: string;
  readonly heading: string;
  readonly url: string;
  readonly text: string;
}

/** The address of a page: guides are one folder, what is about the project another. */
export function urlOf(source: string): string {
  if (source === START || source === 'README.md') return '/docs/';
  const name = basename(source, '.md');
  return `/docs/${source.startsWith('docs/api/') ? 'guides/' : source.startsWith('docs/design/') ? 'design/' : ''}${name}/`;
}

/** The pages in the order of their sources. */
export async function readGuides(): Promise<GuidePage[]> {
  const sources: string[] = [];
  for await (const source of glob(SOURCES, { cwd: ROOT })) sources.push(source);
  sources.sort();
  return Promise.all(
    sources.map(async (source) => {
      const markdown = await readFile(join(ROOT, source), 'utf8');
      const title = /^# (.+)$/m.exec(markdown)?.[1] ?? basename(source, '.md');
      return { source, url: urlOf(source), title, markdown };
    }),
  );
}

/** Writes each page as HTML below `folder`, which is served as `/docs`, with the pictures that they show. */
export async function writeGuides(folder: string, pages: readonly GuidePage[]): Promise<void> {
  for (const page of pages) {
    const file = join(folder, page.url.slice('/docs/'.length), 'index.html');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, pageShell(page, pages, bodyOf(page, pages)));
  }
  for await (const picture of glob('docs/*.svg', { cwd: ROOT })) await cp(join(ROOT, picture), join(folder, basename(picture)));
}

/** The HTML of a page. Links lead to other pages; what is not among them, such as a source file, is named and not linked. */
function bodyOf({ source, markdown }: GuidePage, pages: readonly GuidePage[]): string {
  const known = new Set(pages.map((page) => page.source));
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading) {
        return `<h${depth} id="${anchorOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link) {
        const words = this.parser.parseInline(tokens);
        const url = linkOf(href, source, known);
        return url === undefined ? words : `<a href="${escaped(url)}">${words}</a>`;
      },
      image({ href, text }: Tokens.Image) {
        return `<img src="/docs/${escaped(basename(href))}" alt="${escaped(text)}" />`;
      },
      html: ({ text }: Tokens.HTML | Tokens.Tag) => escaped(text),
    },
  });
  const html = marked.parse(markdown, { async: false });
  return html.replaceAll('<table>', '<div class="table"><table>').replaceAll('</table>', '</table></div>');
}

function linkOf(href: string, source: string, known: ReadonlySet<string>): string | undefined {
  if (/^https?:/.test(href)) return href;
  const [file = '', anchor] = href.split('#');
  const target = file === '' ? source : posix.join(posix.dirname(source), file);
  if (!known.has(target) && target !== 'README.md') return undefined;
  return `${urlOf(target)}${anchor === undefined || target === 'README.md' ? '' : `#${anchor}`}`;
}

/** As GitHub makes them of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** The sections of a page, each with the text down to the next heading. */
export function sectionsOf({ title, url, markdown }: GuidePage): Section[] {
  const sections: { heading: string; url: string; texts: string[] }[] = [];
  for (const token of new Marked().lexer(markdown)) {
    if (token.type === 'heading') {
      const { text } = token as Tokens.Heading;
      sections.push({ heading: text.replaceAll('`', ''), url: sections.length === 0 ? url : `${url}#${anchorOf(text)}`, texts: [] });
    } else sections.at(-1)?.texts.push(token.raw);
  }
  return sections.map(({ heading, url: place, texts }) => ({ page: title, heading, url: place, text: texts.join('\n') }));
}
