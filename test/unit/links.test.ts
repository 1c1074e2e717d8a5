import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

import { beforeAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
/** A file of the project by its path from the root, such as `src/kernel/sql/sql-storage.ts`, in prose or in a block of code. */
const NAMED = /(?<![\w./-])((?:src|durable-objects|workers|test|docs)\/[\w./-]+\.(?:ts|mjs|md|toml))\b/g;
/** A folder by its path from the root, such as `src/kernel`, in prose. */
const FOLDER = /`((?:src|durable-objects|workers|test)(?:\/[\w-]+)+)\/?`/g;

const pages = new Map<string, string>();

beforeAll(async () => {
  for await (const page of glob(['README.md', 'docs/**/*.md', '{src,durable-objects,workers}/**/{SPEC,CARD}.md'], { cwd: ROOT })) {
    pages.set(page, await readFile(join(ROOT, page), 'utf8'));
  }
});

/** A page without its blocks of code, which may show anything. */
const proseOf = (page: string): string => page.replaceAll(/^```.*?^```$/gms, '');

/** The anchors that GitHub gives to the headings of a page. */
const anchorsOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

/** The broken links of a page to files and headings of the project; links to other hosts are not checked. */
function brokenLinks(path: string, page: string): string[] {
  const links = [...proseOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(pages.get(target) ?? '').has(anchor);
  });
}

it('[G40] every link between pages leads to an existing file and heading', () => {
  expect(pages.size).toBeGreaterThan(30);
  const broken = [...pages].flatMap(([path, page]) => brokenLinks(path, page).map((link) => `${path}: ${link}`));
  expect(broken).toEqual([]);
});

it('[G40] every file and folder that a page names exists', () => {
  const namedIn = (page: string) => [...page.matchAll(NAMED), ...page.matchAll(FOLDER)].map(([, file = '']) => file);
  const named = [...pages].flatMap(([path, page]) => namedIn(page).map((file) => ({ path, file })));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(({ file }) => !existsSync(join(ROOT, file))).map(({ path, file }) => `${path}: ${file}`)).toEqual([]);
});

it('[G40] every page of docs can be reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const path of reached) {
    for (const [, link = ''] of proseOf(pages.get(path) ?? '').matchAll(/\]\((?!https?:)([^)\s#]+)/g)) {
      const target = relative(ROOT, join(ROOT, dirname(path), link));
      if (pages.has(target)) reached.add(target);
    }
  }
  expect([...pages.keys()].filter((path) => path.startsWith('docs/') && !reached.has(path))).toEqual([]);
});

it('[G40] the table of rules names every SPEC.md with the prefixes of its rules', () => {
  const rows = (pages.get('docs/rules.md') ?? '').matchAll(/^\| ([A-Z]+) .*\]\(\.\.\/(.+)\) +\|$/gm);
  const shown = [...rows].map(([, prefix = '', spec = '']) => `${prefix} ${spec}`);
  const specs = [...pages].filter(([path]) => path.endsWith('/SPEC.md'));
  const ids = specs.flatMap(([path, page]) =>
    [...page.matchAll(/^(?:[-*] \*\*([A-Z]+)\d+\*\*|\| ([A-Z]+)\d+ +\|)/gm)].map(([, listed, tabled]) => `${listed ?? tabled} ${path}`),
  );
  expect(shown.length).toBeGreaterThan(15);
  expect([...new Set(shown)].sort()).toEqual([...new Set(ids)].sort());
});

it('[G40] every script and bench that a page names exists', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const benches = [...(await readFile(join(ROOT, 'test/bench/main.ts'), 'utf8')).matchAll(/^ {2}'?([\w-]+)'?: \w+Bench,$/gm)];
  const there = new Set([...Object.keys(scripts), ...benches.map(([, area]) => `bench ${area}`)]);
  const named = [...pages].flatMap(([path, page]) =>
    [...page.matchAll(/npm run (?:-s )?([\w:-]+)(?: -- ([a-z][\w-]*))?/g)].flatMap(([, script = '', area]) =>
      [script, ...(script === 'bench' && area !== undefined ? [`bench ${area}`] : [])].map((name) => ({ path, name })),
    ),
  );
  expect(named.filter(({ name }) => name.startsWith('bench ')).length).toBeGreaterThan(20);
  expect(named.filter(({ name }) => !there.has(name)).map(({ path, name }) => `${path}: ${name}`)).toEqual([]);
});
