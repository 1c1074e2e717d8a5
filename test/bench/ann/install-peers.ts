import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { assert } from '../../../src/kernel/assert.ts';
import { PEERS_FOLDER } from './peer.ts';

const modifiedMs = async (path: string): Promise<number> => (await stat(join(PEERS_FOLDER, path)).catch(() => undefined))?.mtimeMs ?? 0;

/** Installs what test/bench/peers locks, unless it is there. */
export async function installPeers(): Promise<void> {
  if ((await modifiedMs('node_modules/.package-lock.json')) >= (await modifiedMs('package-lock.json'))) return;
  // Not `npm ci`: it refuses the lock, as that names no builds for other platforms than this one.
  const { status } = spawnSync('npm', ['install', '--no-save'], { cwd: PEERS_FOLDER, stdio: 'inherit' });
  assert(status === 0, 'the peers can be installed');
}
