import type { ImportLine } from './bulk.ts';
import { readFieldValues } from './field-values.ts';
import { INDEX_LIMITS } from '../indexes/index-limits.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { metadataText, readFloats } from './vector-fields.ts';

/** Texts that are one byte a character, and certainly storable. */
const PRINTABLE = /^[\x20-\x7e]*$/;

const NAMES: ReadonlySet<string> = new Set<keyof ImportLine>(['id', 'values', 'namespace', 'metadata', 'fields']);

/**
 * The vector of a usual line: with values (in a vector frame, a row), and with names in ASCII. It is what the schema makes of the line, at a
 * fraction of the time, since an import has as many lines as vectors. Undefined for every other line, faulty or not: the schema is to say
 * what it is. [B16]
 */
export function plainImportLine(json: unknown): ImportLine | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  for (const name in json) if (!NAMES.has(name)) return undefined;
  const { id, values, namespace = '', metadata, fields } = json as Readonly<Record<string, unknown>>;
  if (!isPlain(id, VECTOR_LIMITS.vectorIdBytesMax) || id === '' || !isPlain(namespace, VECTOR_LIMITS.namespaceBytesMax)) return undefined;
  const floats = values instanceof Float32Array ? usualRow(values) : readFloats(values);
  if (!(floats instanceof Float32Array)) return undefined;
  const line = { id, values: floats, namespace };
  if (fields === undefined) return withMetadata(line, metadata);
  const read = readFieldValues(fields);
  return read instanceof Map ? withMetadata({ ...line, fields: read }, metadata) : undefined;
}

function withMetadata(line: ImportLine, metadata: unknown): ImportLine | undefined {
  if (metadata === undefined) return line;
  if (metadata === null) return { ...line, metadata };
  const text = metadataText(metadata);
  return typeof text === 'string' ? { ...line, metadata: text } : undefined;
}

const isPlain = (text: unknown, charsMax: number): text is string =>
  typeof text === 'string' && text.length <= charsMax && PRINTABLE.test(text);

/** JSON has no infinite numbers; a row of a frame may. */
function usualRow(values: Float32Array): Float32Array<ArrayBuffer> | undefined {
  if (values.length < INDEX_LIMITS.dimensionsMinCount || values.length > INDEX_LIMITS.dimensionsMaxCount) return undefined;
  for (let i = 0; i < values.length; i += 1) if (!Number.isFinite(values[i])) return undefined;
  return values as Float32Array<ArrayBuffer>;
}
