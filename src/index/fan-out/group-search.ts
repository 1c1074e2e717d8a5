import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Metric } from '../../contract/indexes/index-settings.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { compareScores } from '../../ann/metric.ts';
import { columnsBytes, withoutColumns } from './answer-columns.ts';
import type { ShardMatches, ShardQuery } from '../../ann/shard-protocol.ts';
import type { PartAnswer } from './merge-answers.ts';
import { mergeAnswers } from './merge-answers.ts';
import type { FanOut } from './fan-out.ts';
import type { BatchPart } from './search-batch.ts';
import type { ShardGroup } from './shard-groups.ts';
import { askInGroups, withMissing } from './shard-groups.ts';
import type { FromMember, ShardReads } from './shard-reads.ts';

/** Asks a group of an index's shards for what they find together. */
export interface GroupQuery extends ShardGroup {
  readonly query: ShardQuery;
}

/**
 * Asks all shards of a group at once and merges their answers. Refuses as a fan-out does.
 *
 * When many matches are wanted they are collected in rounds: each shard is asked for its expected share and some more; then those shards
 * are asked for more that may have further ones among the closest. So the answers held at a time are a few times what is wanted, however
 * many shards there are.
 */
export async function searchGroup(
  reads: ShardReads,
  { manifest, shards, query, consistency, budgetMs }: GroupQuery,
  part?: BatchPart,
): Promise<Outcome<PartAnswer>> {
  const deadlineMs = reads.nowMs + budgetMs;
  const { metric, dimensions } = manifest;
  const isWide = shards.length > 1 && query.topK > VECTOR_LIMITS.fanOutMatchesMaxCount;
  const sent = sentTo(shards.length, query, isWide);
  let count = isWide ? firstCount(query.topK, shards.length) : query.topK;
  const parts = new Map<number, PartAnswer>();
  const late = new Set<number>();
  for (let asked = shards; ;) {
    const gathered = await reads.gather(manifest, asked, { ...sent, topK: count }, { consistency, deadlineMs, part });
    // What was found before is worth more than no answer.
    if (!gathered.ok && parts.size === 0) return gathered;
    const { answers, missing } = gathered.ok ? gathered.value : { answers: [], missing: asked };
    for (const shard of missing) late.add(shard);
    for (const { shard, value } of answers) parts.set(shard, partOf(shard, value));
    const merged = mergeAnswers(metric, dimensions, [...parts.values()], query);
    const found = isWide || isTooWide(merged, query) ? bare(merged) : merged;
    asked = count === query.topK ? [] : furtherShards(metric, parts, late, found, { count, topK: query.topK });
    if (asked.length === 0) return ok(withMissing(found, [...late]));
    count = Math.min(query.topK, 4 * count);
  }
}

/** What each shard is asked: an only one answers everything, or refuses it. */
const sentTo = (shardCount: number, query: ShardQuery, isWide: boolean): ShardQuery => ({
  ...query,
  ...(shardCount > 1 ? { columnsBytesMax: Math.floor((query.columnsBytesMax ?? VECTOR_LIMITS.fanOutReplyBytesMax) / shardCount) } : {}),
  include: isWide ? BARE : query.include,
});

const firstCount = (topK: number, shardCount: number): number =>
  Math.min(topK, Math.max(VECTOR_LIMITS.fanOutMatchesMaxCount, Math.ceil((2 * topK) / shardCount)));

const bare = (found: PartAnswer): PartAnswer => ({ ...withoutColumns(found), isBare: true });

const isTooWide = (found: PartAnswer, { columnsBytesMax = Infinity }: ShardQuery): boolean => columnsBytes(found) > columnsBytesMax;

const BARE = { values: false, metadata: false, text: false };

const partOf = (shard: number, { member, answer }: FromMember<ShardMatches>): PartAnswer => ({
  ...answer,
  shards: answer.ids.map(() => shard),
  isOld: member.replica !== null,
});

/** Shards that answered as many as they were asked for, the last of which is as close as the last of all: they may have closer ones. */
function furtherShards(
  metric: Metric,
  parts: ReadonlyMap<number, PartAnswer>,
  late: ReadonlySet<number>,
  { scores }: PartAnswer,
  { count, topK }: { readonly count: number; readonly topK: number },
): number[] {
  const last = scores.length < topK ? undefined : scores[topK - 1];
  return [...parts].flatMap(([shard, { scores: own }]) => {
    const mayHaveMore = own.length >= count && !late.has(shard);
    const isClose = last === undefined || compareScores(metric, own.at(-1) ?? last, last) <= 0;
    return mayHaveMore && isClose ? [shard] : [];
  });
}

/** Searches shards, and merges what they find: by itself, or through aggregators. */
export interface GroupSearch {
  search(query: GroupQuery, part?: BatchPart): Promise<Outcome<PartAnswer>>;
}

/** Asks any number of shards: few by itself, many in groups through aggregators, so that it makes few calls in either case. */
export class TreeSearch implements GroupSearch {
  readonly #reads: ShardReads;
  readonly #groups: GroupSearch;
  /** Latencies of calls to aggregators, which take longer than those to shards. */
  readonly #fanOut: FanOut;

  constructor(reads: ShardReads, groups: GroupSearch, fanOut: FanOut) {
    this.#reads = reads;
    this.#groups = groups;
    this.#fanOut = fanOut;
  }

  async search(query: GroupQuery, part?: BatchPart): Promise<Outcome<PartAnswer>> {
    const { metric, dimensions } = query.manifest;
    if (query.shards.length <= VECTOR_LIMITS.fanOutShardsMaxCount) return searchGroup(this.#reads, query, part);
    // Aggregators are asked for each search alone.
    part?.leave();
    return askInGroups(
      { nowMs: this.#reads.nowMs, fanOut: this.#fanOut },
      query,
      (group, columnsBytesMax) => this.#groups.search({ ...group, query: { ...query.query, columnsBytesMax } }),
      (answers) => mergeAnswers(metric, dimensions, answers, query.query),
    );
  }
}
