import type { Filter } from '../../contract/vectors/filter.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Turn } from '../../kernel/stepped-work.ts';
import { SteppedWork } from '../../kernel/stepped-work.ts';
import type { PropertyIndex } from './select-rows.ts';
import { selectRows } from './select-rows.ts';
import type { Selection, SelectionCache } from './selection.ts';

/** A filter that reads more than may be read at once. */
export interface WideFilter {
  readonly namespace: number;
  readonly filter: Filter;
}

const AT_ONCE = { stepUnitsMax: INDEX_LIMITS.filterUnitsAtOnceMax, unitsMax: INDEX_LIMITS.filterUnitsAtOnceMax };
const IN_STEPS = { stepUnitsMax: INDEX_LIMITS.filterStepUnitsMax, unitsMax: INDEX_LIMITS.filterUnitsMax };

/**
 * What the filters of a shard's calls select. Calls are synchronous, so a filter that reads too much for one step is refused by the call, noted,
 * and can then be read in steps; the call finds what it selects if the shard was not written meanwhile. [V211]
 */
export class ShardSelections {
  readonly #shard: string;
  readonly #index: PropertyIndex;
  readonly #cache: SelectionCache;
  #wide: WideFilter | undefined;

  /** `shard`: a name that no other one has. */
  constructor(shard: string, index: PropertyIndex, cache: SelectionCache) {
    this.#shard = shard;
    this.#index = index;
    this.#cache = cache;
  }

  /** Refuses with `limit_exceeded` what reads too much: at all, or at once. */
  select({ namespace, filter }: WideFilter, lsn: number): Outcome<Selection> {
    const found = this.#cache.recall({ shard: this.#shard, namespace, filter, lsn }, () => {
      const first = selectRows(filter, namespace, this.#index, new SteppedWork(AT_ONCE, NEVER)).next();
      return first.done === true ? first.value : undefined;
    });
    if (found !== undefined) return found;
    this.#wide = { namespace, filter };
    return tooMuch('filterUnitsAtOnceMax', 'while vectors are written, use a filter that fewer vectors meet');
  }

  /** The filter that the last call was refused for, once. */
  takeWide(): WideFilter | undefined {
    const wide = this.#wide;
    this.#wide = undefined;
    return wide;
  }

  /** Reads a filter in steps. `lsn`: of the shard, now. */
  async selectInSteps(wide: WideFilter, lsn: () => number | undefined, turn: Turn): Promise<void> {
    const begun = lsn();
    const work = new SteppedWork(IN_STEPS, turn);
    const found = await work.run(selectRows(wide.filter, wide.namespace, this.#index, work));
    if (begun === undefined || begun !== lsn()) return;
    const outcome = found ?? tooMuch('filterUnitsMax', 'ask for less, or also for something that few vectors have');
    this.#cache.recall({ shard: this.#shard, ...wide, lsn: begun }, () => outcome);
  }
}

const NEVER: Turn = () => Promise.resolve();

const tooMuch = (limit: 'filterUnitsAtOnceMax' | 'filterUnitsMax', advice: string) =>
  refuseBeyond({ path: 'filter', limit, what: 'reads too much of the index', advice });
