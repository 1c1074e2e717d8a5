import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { claimState } from '../../../workers/local/claim-state.ts';
import { ROOT } from '../../../workers/local/paths.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-claim-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('a state folder', () => {
  it('belongs to one process at a time, under any path', async () => {
    const release = await claimState(join(folder, 'state'));
    await symlink(join(folder, 'state'), join(folder, 'alias'));
    await expect(claimState(join(folder, 'state'))).rejects.toThrow(/Another Sluice runs on the state folder .*SLUICE_STATE_DIR/);
    await expect(claimState(join(folder, 'alias'))).rejects.toThrow('Another Sluice');
    const other = await claimState(join(folder, 'other'));
    release();
    (await claimState(join(folder, 'alias')))();
    other();
  });

  it('is free again after its holder was killed', async () => {
    const script = `const { claimState } = await import(${JSON.stringify(join(ROOT, 'workers/local/claim-state.ts'))});
      await claimState(${JSON.stringify(folder)}); console.log('claimed'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(claimState(folder)).rejects.toThrow('Another Sluice');
    const exited = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await exited;
    (await claimState(folder))();
  });

  it('[G33] is made unreadable for other users', async () => {
    await mkdir(join(folder, 'open'));
    await chmod(join(folder, 'open'), 0o755);
    for (const name of ['open', 'new']) {
      (await claimState(join(folder, name)))();
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700);
    }
  });

  it('must be a folder that can be created', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(claimState(join(folder, 'file/state'))).rejects.toThrow(/cannot be written \(ENOTDIR\)/);
  });
});
