import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import type { z } from 'zod';

import { messageOf } from '../../../src/contract/api/errors.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { Failure, UsageError } from './command.ts';

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

/** The JSON of a text; `name`: what it is called where it is none. */
export function jsonIn(written: string, name: string): unknown {
  try {
    return JSON.parse(written);
  } catch (error) {
    throw new Failure(`${name} is no JSON: ${String(error)}`);
  }
}

/** A value as its schema has it; `name`: what it is called where it is not so. Throws a `Failure` that names the field. */
export function checkedBy<Schema extends z.core.$ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const parsed = parse(schema, value);
  if (parsed.ok) return parsed.value;
  throw new Failure(`${name}: ${messageOf(parsed.error)}`);
}
