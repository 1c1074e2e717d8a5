import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from '../../../workers/local/paths.ts';

const FOLDER = join(ROOT, '.sluice/readers');
const LOCK = join(import.meta.dirname, 'package-lock.json');
/** Written when everything is installed: a copy of the lock. */
const INSTALLED = join(FOLDER, 'installed.json');

/** Where the packages of the readers are. */
export const READER_MODULES = join(FOLDER, 'node_modules');

/** Whether a suite has to be skipped; says why, where the reason is read. */
export function isWithoutReaders(suite: string): boolean {
  const isCurrent = existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === readFileSync(LOCK, 'utf8');
  if (!isCurrent) console.warn(`skip ${suite}: test/support/readers/install makes .sluice/readers, with npm's registry`);
  return !isCurrent;
}

const run = promisify(execFile);

/** What a reader prints, such as `redocly`. Rejects if it exits with another code than 0. */
export async function ranReader(program: string, args: readonly string[], folder: string): Promise<string> {
  // Nothing is reported to its makers, nor asked of them.
  const quiet = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const { stdout } = await run(join(READER_MODULES, '.bin', program), args, {
    cwd: folder,
    env: { ...process.env, ...quiet },
    timeout: 300_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
