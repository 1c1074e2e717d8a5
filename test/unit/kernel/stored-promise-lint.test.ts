import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');

const REFUSED = [
  'readonly a = new Map<string, Promise<number>>();',
  'b: Promise<void> | undefined;',
  'c: ReadonlyMap<string, { readonly rows: Promise<number> }> = new Map();',
  'd: PromiseWithResolvers<number> | undefined;',
  'e = Promise.resolve();',
];
const ALLOWED = ['f: () => Promise<void> = async () => undefined;', 'g = new Map<string, (of: Promise<void>) => Promise<void>>();'];

it('[SW2] the linter rejects fields that hold promises, and accepts fields that hold functions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-lint-'));
  try {
    const config = {
      jsPlugins: [join(ROOT, 'test/lint/no-stored-promise.mjs')],
      categories: {},
      rules: { 'sluice/no-stored-promise': 'error' },
    };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'fields.ts'), ['export class Fields {', ...REFUSED, ...ALLOWED, '}', 'let last: Promise<void>;'].join('\n'));
    const args = ['-c', join(folder, 'config.json'), '--format', 'unix', join(folder, 'fields.ts')];
    const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/oxlint'), args, { encoding: 'utf8' });
    const lines = stdout.split('\n').flatMap((line) => (line.includes('no-stored-promise') ? [Number(/\.ts:(\d+):/.exec(line)?.[1])] : []));
    expect(lines).toEqual([...REFUSED.map((_, at) => at + 2), REFUSED.length + ALLOWED.length + 3]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
