import type { ImportLine } from '../../contract/bulk.ts';
import { importLine } from '../../contract/bulk.ts';
import { withDetail } from '../../contract/errors.ts';
import type { FieldPath } from '../../contract/field-path.ts';
import { parseJsonText, utf8Text } from '../../contract/json-text.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { parse } from '../../contract/parse.ts';
import { err, ok } from '../../kernel/result.ts';
import type { RawLine } from '../../kernel/raw-lines.ts';

const VALUE_CHARS_SHOWN = 64;

/** The vector of a line; null for a blank line and for a progress line of an export. The refusal includes the value found. */
export function readLine({ content }: RawLine): Outcome<ImportLine | null> {
  if (content === undefined) return refuse('limit_exceeded', `has more than ${LIMITS.importLineBytesMax} bytes (importLineBytesMax)`);
  const text = utf8Text(content);
  if (text?.trim() === '') return ok(null);
  const json = text === undefined ? refuse('malformed_json', '') : parseJsonText(text);
  if (!json.ok) return json.error.code === 'malformed_json' ? refuse('malformed_json', 'is not valid UTF-8 encoded JSON') : json;
  if (isExportProgress(json.value)) return ok(null);
  const line = parse(importLine, json.value);
  if (line.ok) return line;
  const { path } = line.error;
  const found = path === undefined ? undefined : valueAt(json.value, path);
  return found === undefined ? line : err(withDetail(line.error, `it is ${shown(found)}`));
}

const isExportProgress = (json: unknown): boolean =>
  typeof json === 'object' && json !== null && 'export' in json && Object.keys(json).length === 1;

const valueAt = (value: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part) ? Reflect.get(inner, part) : undefined),
    value,
  );

const shown = (value: unknown): string => {
  const json = JSON.stringify(value);
  return json.length > VALUE_CHARS_SHOWN ? `${json.slice(0, VALUE_CHARS_SHOWN)}…` : json;
};
