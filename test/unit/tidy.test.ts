import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const files = new Map<string, string>();

beforeAll(async () => {
  for await (const file of glob('{src,durable-objects,workers}/**/*.{ts,mjs}', { cwd: ROOT }))
    files.set(file, await readFile(join(ROOT, file), 'utf8'));
});

const lines = (text: string): number => text.split('\n').length - 1;

describe('the shape of the code', () => {
  it('has a median file of 55 to 130 lines and none over 400', () => {
    const sizes = [...files.values()].map(lines).sort((a, b) => a - b);
    expect(sizes.length).toBeGreaterThan(50);
    const median = sizes[Math.floor(sizes.length / 2)];
    expect(median).toBeGreaterThanOrEqual(55);
    expect(median).toBeLessThan(130);
    expect([...files].filter(([, text]) => lines(text) > 400).map(([file]) => file)).toEqual([]);
  });

  it('keeps every Durable Object within 150 lines', () => {
    const objects = [...files].filter(([file]) => file.startsWith('durable-objects/') && file.endsWith('-object.ts'));
    expect(objects.length).toBeGreaterThan(5);
    expect(objects.filter(([, text]) => lines(text) > 150).map(([file]) => file)).toEqual([]);
  });

  it('calls nothing utils, helpers or manager', () => {
    expect([...files.keys()].filter((file) => /(utils?|helpers?|manager)\b/.test(file))).toEqual([]);
  });

  it('gives every limit a reason', () => {
    const tables = [...files.values()].flatMap((text) => /^export const \w*LIMITS = \{\n([\s\S]*?)^\} as const/m.exec(text)?.[1] ?? []);
    const rows = tables.flatMap((table) => table.split('\n'));
    const limits = rows.flatMap((row, i) => (/^ {2}\w+: /.test(row) ? [{ row, reason: rows[i - 1] ?? '' }] : []));
    expect(limits.length).toBeGreaterThan(250);
    expect(limits.filter(({ reason }) => !reason.startsWith('  // ')).map(({ row }) => row)).toEqual([]);
  });

  it('opens every SPEC.md with its model and vocabulary, in 8 to 35 lines, before the first rule', async () => {
    const specs: string[] = [];
    for await (const file of glob('{src,durable-objects,workers}/**/SPEC.md', { cwd: ROOT })) {
      const [title = '', heading = '', ...rest] = (await readFile(join(ROOT, file), 'utf8')).split('\n').filter((line) => line !== '');
      const end = rest.findIndex((line) => line.startsWith('#') || /^(- \*\*|\| )[A-Z]+\d+/.test(line));
      if (!title.startsWith('# ') || heading !== '## Model and vocabulary' || end < 8 || end > 35) specs.push(`${file}: ${end}`);
    }
    expect(specs).toEqual([]);
  });

  it('titles the tests of rules in at most 100 characters', async () => {
    const long: string[] = [];
    for await (const file of glob('test/**/*.test.ts', { cwd: ROOT })) {
      const text = await readFile(join(ROOT, file), 'utf8');
      for (const [, title = ''] of text.matchAll(/\b(?:it|describe)[.\w]*\(\s*['`](\[.*)['`],/g))
        if (title.length > 100) long.push(`${file}: ${title}`);
    }
    expect(long).toEqual([]);
  });

  it('speaks of callers, routers and shards in comments, not of persons', async () => {
    const person =
      /^ *(?:\*|\/\*\*|\/\/).*\b(whoever|whom|somebody|nobody|someone|tidying|upkeep|courier|turnstile|districts?|outlines?)\b/im;
    const tests = new Map<string, string>();
    for await (const file of glob('test/**/*.ts', { cwd: ROOT, exclude: (name) => name.endsWith('node_modules') }))
      tests.set(file, await readFile(join(ROOT, file), 'utf8'));
    expect(
      [...files, ...tests].flatMap(([file, text]) =>
        text.split('\n').flatMap((line) => (person.test(line.replaceAll(/`[^`]*`/g, '')) ? [`${file}: ${line.trim()}`] : [])),
      ),
    ).toEqual([]);
  });

  it('gives every lint suppression a reason', () => {
    const bare = [...files].filter(([, text]) => /(oxlint-disable[\w-]*|@ts-expect-error)(?!.*--)/.test(text));
    expect(bare.map(([file]) => file)).toEqual([]);
  });
});
