import type { SteppedWork } from '../../kernel/stepped-work.ts';
import { isObject } from '../protocol/json.ts';

/** What a value, and each of its characters, takes to be written. */
const UNITS_PER_VALUE = 30;
const UNITS_PER_CHAR = 0.5;

/**
 * Whether no two of these values are equal, by the text of each with members in order: as many steps as they have parts, where comparing each
 * with each takes their square. Yields where others are due.
 */
export function* areDistinct(values: readonly unknown[], work: SteppedWork): Generator<undefined, boolean> {
  const seen = new Set<string>();
  for (const value of values) {
    const pieces: string[] = [];
    yield* write(value, pieces, work);
    const text = pieces.join('');
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

/** Canonical JSON: values are equal if and only if their texts are. */
function* write(value: unknown, pieces: string[], work: SteppedWork): Generator<undefined, void> {
  if (work.spend(UNITS_PER_VALUE)) yield;
  if (Array.isArray(value)) {
    pieces.push('[');
    for (const item of value) {
      yield* write(item, pieces, work);
      pieces.push(',');
    }
    pieces.push(']');
  } else if (isObject(value)) {
    const names = Object.keys(value);
    if (work.spend(names.length * UNITS_PER_VALUE)) yield;
    pieces.push('{');
    for (const name of names.sort()) {
      pieces.push(JSON.stringify(name), ':');
      yield* write(value[name], pieces, work);
      pieces.push(',');
    }
    pieces.push('}');
  } else {
    // A zero is a zero.
    const text = JSON.stringify(value === 0 ? 0 : value);
    if (work.spend(text.length * UNITS_PER_CHAR)) yield;
    pieces.push(text);
  }
}
