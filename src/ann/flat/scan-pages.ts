import type { Metric } from '../../contract/indexes/index-settings.ts';
import { assert, must } from '../../kernel/assert.ts';
import { BoundedHeap } from '../../kernel/heap.ts';
import type { Candidate } from '../rescoring.ts';
import type { VectorQuery } from '../stored-vector.ts';
import type { PageLayout, Scanner, VectorPage } from './scanner.ts';

/** A page whose first `count` slots are in use: at least one. */
export interface FilledPage {
  readonly page: VectorPage;
  readonly count: number;
}

/** Every vector of the pages whose interval of closeness reaches into the `topK` best, the most promising first. */
export function candidatesIn(
  scanner: Scanner,
  metric: Metric,
  layout: PageLayout,
  { values, namespace, topK, among }: VectorQuery,
  pages: Iterable<FilledPage>,
): Candidate[] {
  assert(values.length === layout.dimensions, `a query of these pages has ${layout.dimensions} dimensions, not ${values.length}`);
  const query = scanner.prepare(metric, values, namespace, layout);
  const candidates: Candidate[] = [];
  const guaranteed = new BoundedHeap<number>(topK, (a, b) => b - a);
  // At least `topK` vectors are as close as this: it only rises.
  let threshold = -Infinity;
  for (const { page, count } of pages) {
    const found = scanner.scan(page, count, query, threshold);
    for (let i = 0; i < found; i += 1) {
      const row = page.rowAt(scanner.slotAt(i));
      const closest = scanner.closestAt(i);
      if (closest < threshold || among?.has(row) === false) continue;
      candidates.push({ row, closest });
      guaranteed.push(scanner.guaranteedAt(i));
      if (guaranteed.isFull) threshold = must(guaranteed.last, 'a full heap has a last item');
    }
  }
  return candidates.filter(({ closest }) => closest >= threshold).sort((a, b) => b.closest - a.closest);
}
