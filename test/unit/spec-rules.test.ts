import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

async function read(pattern: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const file of glob(pattern, { cwd: ROOT })) texts.push(await readFile(join(ROOT, file), 'utf8'));
  return texts;
}

/** A rule is a list item such as `- **C3** ...`, or a row of a table such as `| V3 | ...`. */
const rulesIn = (spec: string): string[] =>
  [...spec.matchAll(/^(?:[-*] \*\*([A-Z]+\d+)\*\*|\| ([A-Z]+\d+) +\|)/gm)].map((match) => match[1] ?? match[2] ?? '');

it('every rule of every SPEC.md is named by the title of at least one test', async () => {
  const rules = (await read('{src,durable-objects,workers}/**/SPEC.md')).flatMap(rulesIn);
  const tests = (await read('test/**/*.test.ts')).join('\n');
  expect(rules.length).toBeGreaterThan(20);
  expect(new Set(rules).size).toBe(rules.length);
  expect(rules.filter((rule) => !new RegExp(`\\[[^\\]]*\\b${rule}\\b[^\\]]*\\]`).test(tests))).toEqual([]);
});
