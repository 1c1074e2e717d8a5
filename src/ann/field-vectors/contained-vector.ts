import { must } from '../../kernel/assert.ts';
import { fromBase64 } from '../../kernel/bytes.ts';
import { decodeFloats } from '../float32.ts';
import type { RowContents } from '../row-fields.ts';

/**
 * The vector that a row holds in a field. Found without parsing what else the row holds, which may be a hundred times as much: in the JSON of
 * contents, which has no spaces, a quote within a text has a backslash before it, and only values of such fields begin with this member.
 */
export function containedVector(
  { contents }: Pick<RowContents, 'contents'>,
  name: string,
  dimensions: number,
): Float32Array<ArrayBuffer> | undefined {
  if (contents === null) return undefined;
  const before = `"${name}":{"vector":"`;
  const found = contents.indexOf(before);
  if (found < 0) return undefined;
  const start = found + before.length;
  const bytes = must(fromBase64(contents.slice(start, contents.indexOf('"', start))), 'contents are what was validated');
  return decodeFloats(bytes.buffer, dimensions);
}
