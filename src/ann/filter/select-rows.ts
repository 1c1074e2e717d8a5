import type { Condition, Filter } from '../../contract/filter.ts';
import type { JsonValue } from '../../contract/json-value.ts';
import type { Row } from '../vector-engine.ts';
import { unreachable } from '../../kernel/unreachable.ts';
import { accepts } from './accepts.ts';
import { RowSet } from './row-set.ts';
import { Selection } from './selection.ts';

/** The property entries of a shard's vectors, by namespace, path and value. */
export interface PropertyIndex {
  /** The rows that have an entry meeting the condition, in lists; a row may come more than once. */
  rowsMeeting(namespace: number, condition: Condition): Iterable<readonly Row[]>;
  /** The metadata of all rows that may have more at one of these paths than the index holds; a row may come more than once. */
  incomplete(namespace: number, paths: readonly string[]): Iterable<{ readonly row: Row; readonly metadata: string }>;
}

/**
 * The rows of a namespace that a filter accepts. Rows known in full are found by the index alone, whatever the filter; the others
 * are judged by their metadata.
 */
export function selectRows(filter: Filter, namespace: number, index: PropertyIndex): Selection {
  const judged = new RowSet();
  const accepted = new RowSet();
  for (const { row, metadata } of index.incomplete(namespace, [...new Set(pathsOf(filter))])) {
    judged.add(row);
    // Stored only after it was validated as a JSON object.
    if (accepts(filter, JSON.parse(metadata) as JsonValue)) accepted.add(row);
  }
  return indexed(filter, namespace, index).and(new Selection(judged, true)).or(new Selection(accepted));
}

function indexed(filter: Filter, namespace: number, index: PropertyIndex): Selection {
  switch (filter.kind) {
    case 'and':
      return filter.of.reduce((all, part) => all.and(indexed(part, namespace, index)), new Selection(new RowSet(), true));
    case 'or':
      return filter.of.reduce((any, part) => any.or(indexed(part, namespace, index)), new Selection(new RowSet()));
    case 'not':
      return indexed(filter.of, namespace, index).not();
    case 'equals':
    case 'range':
    case 'exists': {
      const rows = new RowSet();
      for (const page of index.rowsMeeting(namespace, filter)) for (const row of page) rows.add(row);
      return new Selection(rows);
    }
    default:
      return unreachable(filter);
  }
}

function pathsOf(filter: Filter): string[] {
  if (filter.kind === 'not') return pathsOf(filter.of);
  return 'path' in filter ? [filter.path] : filter.of.flatMap(pathsOf);
}
