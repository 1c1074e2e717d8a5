import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const CELLS = [/^[STRIDE]$/, /./, /./, /^[A-Z]+\d+$/, /^test\/\S+\.test\.ts$/];

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

it('every threat names an existing rule and a file with a test of it', async () => {
  const model = await read('docs/threat-model.md');
  const rows = model
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| +\| threat |^\| ---/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((row) => row.length !== CELLS.length || !CELLS.every((cell, n) => cell.test(row[n] ?? '')))).toEqual([]);
  expect(new Set(rows.map(([kind]) => kind)).size).toBe(6);
  let specs = '';
  for await (const spec of glob('{src,durable-objects,workers}/**/SPEC.md', { cwd: ROOT })) specs += await read(spec);
  for (const [, threat, , rule = '', file = ''] of rows) {
    expect(specs, threat).toMatch(new RegExp(String.raw`\*\*${rule}\*\*|^\| ${rule} +\|`, 'm'));
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    // A test title that begins with rule ids.
    expect((await read(file)).match(new RegExp(String.raw`['"\x60](\[[A-Z\d]+\] ?)*\[${rule}\]`)), `${file} tests ${rule}`).not.toBeNull();
  }
});
