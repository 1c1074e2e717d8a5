import type { z } from 'zod';

/**
 * Reads a value as its schema does, in a tenth of the time. It returns undefined for a value that it does not recognise or that may be invalid:
 * then the schema decides, and words the refusal. A property test holds quick readers equal to their schemas.
 */
export type QuickReader<T> = (value: unknown) => T | undefined;

const readers = new WeakMap<z.core.$ZodType, QuickReader<unknown>>();

/** The same schema. `parse` tries the quick reader first and falls back to the schema: for the bodies of hot calls. */
export function withQuickReader<S extends z.core.$ZodType>(schema: S, read: QuickReader<z.output<S>>): S {
  readers.set(schema, read);
  return schema;
}

export const quickReaderOf = (schema: z.core.$ZodType): QuickReader<unknown> | undefined => readers.get(schema);

/** The members of a JSON object, if it has none but these. */
export function membersAmong(value: unknown, names: ReadonlySet<string>): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  for (const name of Object.keys(value)) if (!names.has(name)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}

/** A whole number within bounds; undefined for anything else. */
export const wholeWithin = (value: unknown, min: number, max: number): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined;

export const isFlag = (value: unknown): value is boolean | undefined => value === undefined || typeof value === 'boolean';

const ASCII = /^[\x20-\x7e]*$/;

/** A text of printable ASCII within its limit: no schema of ours refuses such, and its characters are its bytes. */
export const isPlainText = (value: unknown, charsMax: number): value is string =>
  typeof value === 'string' && value.length <= charsMax && ASCII.test(value);
