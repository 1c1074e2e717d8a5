import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from '../../../workers/local/paths.ts';

/** The virtual environment that `.ci/run` makes of requirements.txt; made by hand it enables these suites, too (docs/testing.md). */
const ENVIRONMENT = join(ROOT, '.sluice/python');
/** Its interpreter. */
export const PYTHON = join(ENVIRONMENT, 'bin/python');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
/** Written when everything is installed: a copy of the requirements. */
const INSTALLED = join(ENVIRONMENT, 'installed.txt');

/** Why no suite of Python can run here; undefined: all can. */
export function pythonIsMissing(): string | undefined {
  if (!existsSync(INSTALLED)) return 'there is no .sluice/python: test/support/python/install makes it, with PyPI';
  const isCurrent = readFileSync(INSTALLED, 'utf8') === readFileSync(REQUIREMENTS, 'utf8');
  return isCurrent ? undefined : '.sluice/python is of other requirements: run test/support/python/install again';
}

/** The same for a suite that skips itself: says so where the reason is read, once a file. */
export function isWithoutPython(suite: string): boolean {
  const missing = pythonIsMissing();
  if (missing !== undefined) console.warn(`skip ${suite}: ${missing}`);
  return missing !== undefined;
}

const run = promisify(execFile);

/** What a program of the environment prints, such as `python` or `mypy`. Rejects if it exits with another code than 0. */
export async function ranPython(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  timeoutMs = 170_000,
): Promise<string> {
  const { stdout } = await run(join(ENVIRONMENT, 'bin', program), args, {
    env: { ...process.env, ...environment },
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
