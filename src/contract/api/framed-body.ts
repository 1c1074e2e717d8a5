import { readFrame } from '../../kernel/vector-frame.ts';
import type { FieldPath } from './field-path.ts';
import { parseJsonBytes } from './json-text.ts';
import type { Outcome } from './outcome.ts';
import { refuse } from './outcome.ts';

/** Where the vectors of a body are: a field of the body, or of every item of one of its lists. */
export interface RowFields {
  readonly list?: string;
  readonly field: string;
}

/**
 * The body that a frame stands for: its head, in which each vector that is the number of a row has become that row. So its schema validates
 * it as any other. Refuses with `invalid_value` bytes that are no frame, a row that is not there, and a row that
 * nothing names. An invalid head is refused as invalid JSON is. [G75]
 */
export function framedBody(bytes: Uint8Array<ArrayBuffer>, { list, field }: RowFields): Outcome<unknown> {
  const frame = readFrame(bytes);
  if (typeof frame === 'string') return refuse('invalid_value', `the body ${frame}`);
  const head = parseJsonBytes(frame.head);
  if (!head.ok) return head;
  const { rows, dimensions, values } = frame;
  const named = new Set<number>();
  for (const { item, path } of itemsOf(head.value, list)) {
    const row = item[field];
    if (typeof row !== 'number') continue;
    if (!Number.isInteger(row) || row < 0 || row >= rows) {
      return refuse('invalid_value', `is the row ${row}; the frame has ${rows} rows`, [...path, field]);
    }
    named.add(row);
    item[field] = values.subarray(row * dimensions, (row + 1) * dimensions);
  }
  if (named.size === rows) return head;
  const unnamed = Array.from({ length: named.size + 1 }, (_, row) => row).find((row) => !named.has(row));
  return refuse('invalid_value', `the row ${unnamed} of the frame is the vector of nothing in its head`);
}

function* itemsOf(
  head: unknown,
  list: string | undefined,
): Generator<{ readonly item: Record<string, unknown>; readonly path: FieldPath }> {
  if (!isObject(head)) return;
  if (list === undefined) return yield { item: head, path: [] };
  const items = head[list];
  if (!Array.isArray(items)) return;
  for (const [i, item] of items.entries()) if (isObject(item)) yield { item, path: [list, i] };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
