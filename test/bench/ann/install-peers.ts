import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../../src/kernel/assert.ts';
import { PEERS_FOLDER } from './peer.ts';

const modifiedMs = async (path: string): Promise<number> => (await stat(join(PEERS_FOLDER, path)).catch(() => undefined))?.mtimeMs ?? 0;

/** Installs the packages that test/bench/peers locks, unless they are installed. */
export async function installPeers(): Promise<void> {
  if ((await modifiedMs('node_modules/.package-lock.json')) >= (await modifiedMs('package-lock.json'))) return;
  // Not `npm ci`: it rejects the lock file, which lists builds for this platform only.
  // As in .npmrc, which npm does not read there.
  const env = { ...process.env, npm_config_onnxruntime_node_install: 'skip' };
  const { status } = spawnSync('npm', ['install', '--no-save'], { cwd: PEERS_FOLDER, stdio: 'inherit', env });
  assert(status === 0, 'the peers can be installed');
}
