import { LIMITS } from '../contract/limits.ts';
import type { Selection } from './filter/selection.ts';
import type { Row } from './vector-engine.ts';
import type { VectorStore } from './vector-store.ts';

/** The selected rows of a namespace after `after`, as many as one slice takes; `next` is where the next slice continues, or null. */
export function sliceBehind(
  store: Pick<VectorStore, 'rowsBehind'>,
  namespace: number,
  selection: Selection | undefined,
  after: Row,
): { readonly rows: Row[]; readonly next: Row | null } {
  const countMax = LIMITS.propertySliceMaxCount;
  const slice = selection?.rows?.firstBehind(after, countMax) ?? store.rowsBehind(namespace, after, countMax);
  const next = slice.length < countMax ? null : (slice.at(-1) ?? null);
  return { rows: slice.filter((row) => selection?.has(row) ?? true), next };
}
