import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { ROOT } from '../../../workers/local/paths.ts';

/** Starts the runner of a cluster's job without the attempt that it needs, with a home of its own. */
async function started(allow: string, check: (home: string) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'sluice-home-'));
  try {
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'workers/agent/run-once.ts')], {
      env: { PATH: process.env['PATH'], HOME: home, SLUICE_AGENT_ALLOW: allow },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('SLUICE_URL')]);
    await check(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

it('[P105] keeps what it compiled, where no other user can write', () =>
  started('', async (home) => {
    const { mode } = await stat(join(home, '.cache/sluice/compiled'));
    expect(mode & 0o022).toBe(0);
  }));

it('[P105] keeps nothing where programs of tenants may run', () =>
  started('command', async (home) => expect(existsSync(join(home, '.cache'))).toBe(false)));
