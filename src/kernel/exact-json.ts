/** A piece of JSON that `JSON.stringify` writes as it is. */
export interface RawJson {
  readonly rawJSON: string;
}

/** What TypeScript does not know yet of JSON, and every runtime Sluice targets has (ES2026). */
interface ExactJson {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
}

const json = JSON as unknown as ExactJson;

// A whole number of as many digits as no double holds all of; what looks so within a string costs only time.
const MAYBE_INEXACT = /[[:,\s]-?\d{16,}\s*[\],}]|^\s*-?\d{16,}/;
const WHOLE = /^-?\d+$/;

/**
 * What JSON text says, whole numbers beyond 2^53 included: those are `RawJson`, which `JSON.stringify` writes with all of their digits.
 * Throws where `JSON.parse` does.
 */
export function parseExactJson(text: string): unknown {
  return MAYBE_INEXACT.test(text) ? json.parse(text, keepExact) : (JSON.parse(text) as unknown);
}

export const rawJson = (text: string): RawJson => json.rawJSON(text);

export const isRawJson = (value: unknown): value is RawJson => json.isRawJSON(value);

function keepExact(_key: string, value: unknown, { source = '' }: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && WHOLE.test(source) ? rawJson(source) : value;
}
