import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { claimFolder } from '../agent/folder-claim.ts';
import { closeFolder, makeOwnerOnly } from './owner-only.ts';
import { SetupError } from './setup-error.ts';

/**
 * Makes the folder if need be, and claims it for this process: two deployments that write one folder would ruin it. Resolves to
 * what ends the claim.
 */
export async function claimState(folder: string): Promise<() => void> {
  await makeWritable(folder);
  const end = await claimFolder(folder);
  if (end === undefined)
    throw new SetupError(`Another Sluice runs on the state folder ${folder}. Stop it, or choose another with SLUICE_STATE_DIR.`);
  if (process.platform === 'linux') await endLeftovers(realpathSync(folder));
  return () => void end();
}

async function makeWritable(folder: string): Promise<void> {
  try {
    await makeOwnerOnly(folder);
    await closeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SetupError(`The state folder ${folder} cannot be written (${code}). Choose another with SLUICE_STATE_DIR.`);
  }
}

/** The name of a process, according to /proc. */
export function commandOf(pid: number | string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** A workerd whose parent was killed hard lives on, and writes: no live process claims what it holds open. */
async function endLeftovers(folder: string): Promise<void> {
  for (const entry of readdirSync('/proc')) {
    if (commandOf(entry) !== 'workerd' || !holdsOpen(entry, folder)) continue;
    process.kill(Number(entry), 'SIGKILL');
    while (holdsOpen(entry, folder)) await sleep(10);
  }
}

function holdsOpen(pid: string, folder: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => pathOf(`/proc/${pid}/fd/${fd}`).startsWith(`${folder}/`));
  } catch {
    return false;
  }
}

function pathOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    // Closed since it was listed.
    return '';
  }
}
