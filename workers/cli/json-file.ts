import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import { UsageError } from './command.ts';

/** The JSON object in a file; `-` is the standard input. */
export async function jsonFile(path: string): Promise<Record<string, unknown>> {
  const read = await (path === '-' ? text(process.stdin) : readFile(path, 'utf8')).catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  try {
    const value: unknown = JSON.parse(read);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Not JSON: refused below.
  }
  throw new UsageError(`${path} is not a JSON object.`);
}
