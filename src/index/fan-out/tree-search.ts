import type { FanOut } from './fan-out.ts';
import type { PartAnswer } from './merge-answers.ts';
import { mergeAnswers } from './merge-answers.ts';
import type { GroupQuery } from './shard-group.ts';
import { searchGroup } from './shard-group.ts';
import type { ShardReads } from './shard-reads.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { GroupCalls } from './group-calls.ts';

/** Asks any number of shards: few by itself, many in groups through aggregators, so that it makes few calls in either case. */
export class TreeSearch {
  readonly #reads: ShardReads;
  readonly #groups: GroupCalls;
  /** Latencies of calls to aggregators, which take longer than those to shards. */
  readonly #fanOut: FanOut;

  constructor(reads: ShardReads, groups: GroupCalls, fanOut: FanOut) {
    this.#reads = reads;
    this.#groups = groups;
    this.#fanOut = fanOut;
  }

  async search(query: GroupQuery): Promise<Outcome<PartAnswer>> {
    const { manifest, shards, budgetMs } = query;
    if (shards.length <= LIMITS.fanOutShardsMaxCount) return searchGroup(this.#reads, query);
    const size = Math.max(LIMITS.fanOutShardsMaxCount, Math.ceil(shards.length / LIMITS.fanOutGroupsMaxCount));
    const groups = Array.from({ length: Math.ceil(shards.length / size) }, (_, i) => shards.slice(i * size, (i + 1) * size));
    const shared = { ...query.query, columnsBytesMax: Math.floor(LIMITS.fanOutReplyBytesMax / groups.length) };
    const leaves = groups.map((members, at) => ({
      shard: at,
      ask: () => this.#groups.search({ ...query, query: shared, shards: members, budgetMs: budgetMs - LIMITS.fanOutGroupMarginMs }),
    }));
    const gathered = await this.#fanOut.gather(leaves, this.#reads.nowMs + budgetMs);
    if (!gathered.ok) return gathered;
    const { answers, missing } = gathered.value;
    const merged = mergeAnswers(
      manifest.metric,
      manifest.dimensions,
      answers.map(({ value }) => value),
      query.query,
    );
    const unheard = missing.flatMap((at) => groups[at] ?? []);
    return ok(unheard.length === 0 ? merged : { ...merged, missing: [...unheard, ...(merged.missing ?? [])] });
  }
}
