import type { BatchPart } from '../../../index/fan-out/search-batch.ts';
import { SearchBatch } from '../../../index/fan-out/search-batch.ts';
import type { CheckedPlan } from './check-plan.ts';
import type { Search } from './leg-search.ts';
import type { PlanTexts } from './plan-texts.ts';

/** Which searches of several plans share calls to shards: those that can be made at the same moment. [TX283] */
export class LegBatches {
  readonly #batches = new Map<Search, SearchBatch>();

  constructor(plans: readonly CheckedPlan[], texts: PlanTexts) {
    // The legs of one plan are few, and calls of their own are made again where a shard is slow.
    if (plans.length < 2) return;
    const together = new Map<string, Search[]>();
    for (const { leg } of plans.flatMap(({ legs }) => legs)) {
      if (leg.kind !== 'vector' || leg.field !== '' || leg.prefetch !== undefined) continue;
      const name = texts.groupOf(leg) ?? '';
      together.set(name, [...(together.get(name) ?? []), leg]);
    }
    for (const legs of together.values()) {
      const batch = new SearchBatch(legs.length);
      for (const leg of legs) this.#batches.set(leg, batch);
    }
  }

  /** Without a part, a search shares no calls. */
  search<T>(leg: Search, search: (part: BatchPart | undefined) => Promise<T>): Promise<T> {
    return this.#batches.get(leg)?.part(search) ?? search(undefined);
  }
}
