import type { ImportLine } from '../../contract/bulk.ts';
import { importLine } from '../../contract/bulk.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { parse } from '../../contract/parse.ts';
import { ok } from '../../kernel/result.ts';
import type { RawLine } from './lines.ts';

const VALUE_CHARS_SHOWN = 64;

/** The vector of a line; null for a blank one and for one in which an export told how it went. The refusal says what stands there. */
export function readLine({ content }: RawLine): Outcome<ImportLine | null> {
  if (content === undefined) {
    return refuse('limit_exceeded', `has more than ${LIMITS.importLineBytesMax} bytes (importLineBytesMax)`);
  }
  const value = jsonOf(content);
  if (value === undefined) return refuse('malformed_json', 'is not valid UTF-8 encoded JSON');
  if (value === null || isExportProgress(value)) return ok(null);
  const line = parse(importLine, value.json);
  if (line.ok) return line;
  const { code, message, param } = line.error;
  const found = param === undefined ? undefined : valueAt(value.json, param);
  return refuse(code, found === undefined ? message : `${message}; it is ${shown(found)}`, param);
}

/** Null for a blank line, undefined for one that is no JSON. */
function jsonOf(content: Uint8Array): { readonly json: unknown } | null | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(content);
    return text.trim() === '' ? null : { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const isExportProgress = ({ json }: { readonly json: unknown }): boolean =>
  typeof json === 'object' && json !== null && 'export' in json && Object.keys(json).length === 1;

/** What stands at a path such as `values[3]`. */
function valueAt(value: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
    .reduce<unknown>(
      (inner, part) => (typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part) ? Reflect.get(inner, part) : undefined),
      value,
    );
}

const shown = (value: unknown): string => {
  const json = JSON.stringify(value);
  return json.length > VALUE_CHARS_SHOWN ? `${json.slice(0, VALUE_CHARS_SHOWN)}…` : json;
};
