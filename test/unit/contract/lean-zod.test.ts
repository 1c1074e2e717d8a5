import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../support/worlds/mutated-requests.ts');

async function parsed(...args: string[]): Promise<string[]> {
  const run = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, ...args], { maxBuffer: 2 ** 27 });
  return (await run).stdout.split('\n');
}

it('[G75] schemas of the gateway accept, change and refuse what those of the contract do', async () => {
  const [full, lean] = await Promise.all([parsed(), parsed('lean')]);
  expect(full.filter((line) => line.includes('"ok":true')).length).toBeGreaterThan(1_000);
  expect(full.filter((line) => line.includes('"ok":false')).length).toBeGreaterThan(5_000);
  expect(lean.find((line, at) => line !== full[at])).toBeUndefined();
  expect(lean).toHaveLength(full.length);
});
