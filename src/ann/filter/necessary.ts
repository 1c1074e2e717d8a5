import type { Condition, Filter } from '../../contract/filter.ts';
import { isReachable } from '../../contract/filter-syntax.ts';
import { numberLiesIn } from './interval.ts';

/** Accepts everything. */
const ANYTHING: Filter = { kind: 'and', of: [] };

/** Conditions that the index can decide, and that hold for all metadata with an element that a filter accepts. */
export const necessary = ({ path, of }: Extract<Filter, { kind: 'element' }>): Filter => weakened(of, path);

/** What is true of metadata if a filter accepts something at `root` of it: other elements may meet a condition, too, so no negation is. */
function weakened(filter: Filter, root: string): Filter {
  if ('of' in filter && 'path' in filter) return within(root, filter.path, (path) => weakened(filter.of, path));
  if ('path' in filter) return within(root, filter.path, (path) => atPath(filter, path));
  if (filter.kind === 'not' || filter.kind === 'ids') return ANYTHING;
  return { ...filter, of: filter.of.map((part) => weakened(part, root)) };
}

function within(root: string, relative: string, filterAt: (path: string) => Filter): Filter {
  const path = relative === '' ? root : `${root}.${relative}`;
  return isReachable(path) ? filterAt(path) : ANYTHING;
}

/** Where one element lacks the path, and so counts nothing there, another may have it. */
const atPath = (condition: Condition, path: string): Filter =>
  condition.kind === 'count' && numberLiesIn(condition.interval, 0) ? ANYTHING : { ...condition, path };
