import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { TableFile } from '../../../src/scheduler/simulator/table/read-table.ts';

export const traceFile = async (path: string): Promise<TableFile> => ({ name: basename(path), text: await readFile(path, 'utf8') });

export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
}
