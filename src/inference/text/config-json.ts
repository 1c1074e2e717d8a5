import type { FieldPath } from '../../contract/api/field-path.ts';
import { utf8Text } from '../../contract/api/json-text.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { LimitRef } from '../../contract/limits/limit-refusal.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { boundOf, refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { ok } from '../../kernel/result.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

/** The object in a JSON file of a model. `at`: where the file stands in the request. */
export function readConfigJson(bytes: Uint8Array, at: FieldPath, bytesMax: LimitRef = 'modelConfigBytesMax'): Outcome<JsonRecord> {
  const value = readConfigValue(bytes, at, bytesMax);
  if (!value.ok) return value;
  return isRecord(value.value) ? ok(value.value) : refuse('invalid_value', 'is no JSON object', at);
}

/** Any value in such a file, if the file is no larger and nested no deeper than readers can take. */
export function readConfigValue(bytes: Uint8Array, at: FieldPath, bytesMax: LimitRef = 'modelConfigBytesMax'): Outcome<unknown> {
  if (bytes.length > boundOf(bytesMax))
    return refuseBeyond({ path: at, limit: bytesMax, value: bytes.length, what: `has ${bytes.length} bytes` });
  const depth = nesting(bytes);
  if (depth > MODEL_LIMITS.modelConfigDepthMax)
    return refuseBeyond({ path: at, limit: 'modelConfigDepthMax', value: depth, what: `is nested ${depth} deep` });
  const text = utf8Text(bytes);
  try {
    if (text !== undefined) return ok(JSON.parse(text) as unknown);
  } catch {
    // Refused below, as what is not UTF-8.
  }
  return refuse('invalid_value', 'is no JSON in UTF-8', at);
}

export const isRecord = (value: unknown): value is JsonRecord => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text in a field, and `absent` for anything else. */
export function textIn(record: JsonRecord, name: string, absent: string): string {
  const value = record[name];
  return typeof value === 'string' ? value : absent;
}

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

const [QUOTE, ESCAPE] = [0x22, 0x5c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** How deep brackets are nested, those in strings apart. */
function nesting(bytes: Uint8Array): number {
  let [depth, deepest] = [0, 0];
  let inString = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]!;
    if (inString) {
      if (byte === ESCAPE) i += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte)) deepest = Math.max(deepest, (depth += 1));
    else if (CLOSING.has(byte)) depth -= 1;
  }
  return deepest;
}
