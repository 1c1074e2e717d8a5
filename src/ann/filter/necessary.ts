import type { Filter } from '../../contract/filter.ts';
import { isReachable } from '../../contract/filter-syntax.ts';
import { numberLiesIn } from './interval.ts';

/** Accepts everything. */
const ANYTHING: Filter = { kind: 'and', of: [] };

/** What holds of metadata that has an element which a filter accepts, in conditions that the index can tell. */
export const necessary = ({ path, of }: Extract<Filter, { kind: 'element' }>): Filter => ({
  kind: 'and',
  of: [{ kind: 'exists', path }, weakened(of, path)],
});

/** What is true of metadata if a filter accepts something at `root` of it: other elements may meet a condition, too, so no negation is. */
function weakened(filter: Filter, root: string): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'atLeast':
      return { ...filter, of: filter.of.map((part) => weakened(part, root)) };
    case 'not':
    case 'ids':
      return ANYTHING;
    default: {
      const path = filter.path === '' ? root : `${root}.${filter.path}`;
      if (!isReachable(path)) return ANYTHING;
      // Where one element lacks the path, another may have it.
      if (filter.kind === 'count') return numberLiesIn(filter.interval, 0) ? ANYTHING : { ...filter, path };
      return filter.kind === 'element' ? weakened(filter.of, path) : { ...filter, path };
    }
  }
}
