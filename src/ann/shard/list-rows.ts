import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Selection } from '../filter/selection.ts';
import type { ListingStart } from '../id-order.ts';
import { compareIds, isBehind } from '../id-order.ts';
import type { PlacedId, Row } from '../stored-vector.ts';
import type { VectorReader } from '../store/vector-reader.ts';

/** The rows of a listing's page, and the id after which the listing continues; null at its end. */
interface RowsPage {
  readonly rows: Row[];
  readonly next: string | null;
}

type IdStore = Pick<VectorReader, 'idsFrom' | 'idsOf'>;

/** The first `limit` rows of the namespace that are selected, in the order of their ids; fewer when a slice of looking for them ends. */
export function listRows(
  store: IdStore,
  namespace: number,
  among: Selection | undefined,
  start: ListingStart | null,
  limit: number,
): RowsPage {
  const narrow = among?.rows;
  if (narrow !== undefined && narrow.size <= INDEX_LIMITS.listNarrowMaxCount) return pageOfFew(store.idsOf(narrow), start, limit);
  const listed: PlacedId[] = [];
  let from = start;
  for (let lookedAt = 0, ask = limit; lookedAt < INDEX_LIMITS.listSliceMaxCount;) {
    const walked = store.idsFrom(namespace, from, ask);
    for (const placed of walked) {
      if (among?.has(placed.row) === false) continue;
      listed.push(placed);
      if (listed.length === limit) return pageOf(listed, placed.id);
    }
    const last = walked.at(-1);
    if (walked.length < ask || last === undefined) return pageOf(listed, null);
    from = { id: last.id, isIncluded: false };
    lookedAt += walked.length;
    ask = Math.min(2 * ask, INDEX_LIMITS.listSliceMaxCount);
  }
  return pageOf(listed, from?.id ?? null);
}

function pageOfFew(placed: readonly PlacedId[], start: ListingStart | null, limit: number): RowsPage {
  const behind = placed.filter(({ id }) => isBehind(id, start)).sort((a, b) => compareIds(a.id, b.id));
  const page = behind.slice(0, limit);
  return pageOf(page, behind.length > limit ? (page.at(-1)?.id ?? null) : null);
}

const pageOf = (placed: readonly PlacedId[], next: string | null): RowsPage => ({ rows: placed.map(({ row }) => row), next });

/** The selected rows of a namespace after `after`, as many as one slice takes; `next` is where the next slice continues, or null. */
export function sliceBehind(
  store: Pick<VectorReader, 'rowsBehind'>,
  namespace: number,
  selection: Selection | undefined,
  after: Row,
): { readonly rows: Row[]; readonly next: Row | null } {
  const countMax = INDEX_LIMITS.propertySliceMaxCount;
  const slice = selection?.rows?.firstBehind(after, countMax) ?? store.rowsBehind(namespace, after, countMax);
  const next = slice.length < countMax ? null : (slice.at(-1) ?? null);
  return { rows: slice.filter((row) => selection?.has(row) ?? true), next };
}
