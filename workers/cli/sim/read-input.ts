import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { messageOf } from '../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { TableFile } from '../../../src/scheduler/simulator/table/read-table.ts';
import { UsageError } from '../command/command.ts';

/** The most an input may be once it is unpacked: longer texts do not fit a string. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;

/** The file that a flag names, under the last part of its path; unpacked if it ends in .gz. */
export async function readInput(flag: string, path: string): Promise<TableFile> {
  try {
    const bytes = await readFile(path);
    const text = path.endsWith('.gz') ? await promisify(gunzip)(bytes, { maxOutputLength: UNPACKED_BYTES_MAX }) : bytes;
    return { name: basename(path), text: text.toString('utf8') };
  } catch (error) {
    throw new UsageError(`--${flag}: cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The value of an outcome; what the user gave cannot be used when there is none. */
export function accept<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new UsageError(`${outcome.error.code}: ${messageOf(outcome.error)}`);
  return outcome.value;
}
