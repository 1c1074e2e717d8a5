import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const sluice = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, '../../../workers/cli/sluice.ts'), ...args], { encoding: 'utf8' });

it('carries out a command', () => {
  const { status, stdout } = sluice('models', 'verify');
  expect(status).toBe(0);
  expect(stdout).toContain('glove-sif-100@1: glove-sif-100/model.onnx verified');
});

it.each([
  ['no command', []],
  ['an unknown command', ['models', 'burn']],
  ['an unknown option', ['models', 'verify', '--fast']],
])('answers %s with what is wrong and status 2', (_, args) => {
  const { status, stderr, stdout } = sluice(...args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/usage: sluice|Unknown option/);
  expect(stderr).not.toMatch(/^\s+at /m);
});
