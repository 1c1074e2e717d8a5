import type { CountedTerms, ShardFieldSearch, ShardMatches } from '../../ann/shard-protocol.ts';
import { STRONG } from '../../ann/replication/read-consistency.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { KnownRoutes } from '../routing/known-routes.ts';
import type { IndexFieldSearch } from '../shards/index-shards.ts';
import type { GroupFieldReads } from './group-fields.ts';
import type { ShardGroup } from './shard-groups.ts';
import { withMissing } from './shard-groups.ts';
import type { Reading } from './shard-reads.ts';

/**
 * Legs over fields of an index of several shards: each is asked once, as rows are not placed by their fields. Scores of terms depend on
 * how often they occur in the whole index: so the shards are asked for that first, unless it was asked lately.
 */
export class FieldSearch {
  readonly #groups: GroupFieldReads;
  readonly #clock: Clock;
  readonly #statistics: StatisticsMemory;

  constructor(groups: GroupFieldReads, clock: Clock) {
    this.#groups = groups;
    this.#clock = clock;
    this.#statistics = new StatisticsMemory(clock);
  }

  /** Refuses with `stale_route`, or as shards do. */
  async search(
    manifest: IndexManifest,
    { summary, replicas }: KnownRoutes,
    { statistics, ...asked }: IndexFieldSearch,
    { consistency, deadlineMs: dueMs }: Reading = { consistency: STRONG },
  ): Promise<Outcome<ShardMatches>> {
    const startedMs = this.#clock.nowMs();
    const deadlineMs = dueMs ?? startedMs + API_LIMITS.queryDeadlineDefaultMs;
    const all = summary.shards.map(({ ordinal }) => ordinal);
    const [shards, unasked] = [all.slice(0, INDEX_LIMITS.fieldShardsMaxCount), all.slice(INDEX_LIMITS.fieldShardsMaxCount)];
    const search = { ...asked, routeVersion: summary.version };
    const group = () => ({ manifest: { ...manifest, replicas }, shards, consistency, budgetMs: deadlineMs - this.#clock.nowMs() });
    const counted = search.query.kind === 'vector' ? ok(NO_COUNTS) : await this.#counted(group(), search, statistics === 'exact');
    if (!counted.ok) return counted;
    const { fields, terms, missing: uncounted = [] } = counted.value;
    const found = await this.#groups.searchFields({ ...group(), search: { ...search, statistics: { fields, terms } } });
    if (!found.ok) return found;
    // Rows that moved meanwhile may have left one shard before it was asked and come to the other after it was.
    if (this.#clock.nowMs() - startedMs > INDEX_LIMITS.moveGraceMs && summary.shards.some(({ state }) => state.kind !== 'serving')) {
      return refuse('stale_route', 'vectors moved during the search');
    }
    const late = new Set([...(found.value.missing ?? []), ...uncounted]);
    const { missing: _, ...answer } = found.value;
    return ok(withMissing<ShardMatches>(answer, [...unasked, ...late]));
  }

  async #counted(group: ShardGroup, search: ShardFieldSearch, isExact: boolean): Promise<Outcome<CountedTerms>> {
    const { indexId, caller, namespace, query, routeVersion = 0, statisticsOf = 'index' } = search;
    const filter = statisticsOf === 'filter' ? search.filter : null;
    const key = JSON.stringify([indexId, namespace, filter, query]);
    const known = isExact ? undefined : this.#statistics.recall(key);
    if (known !== undefined) return ok(known);
    const askedMs = this.#clock.nowMs();
    // A shard that is late must leave time for the search of the others.
    const budgetMs = group.budgetMs / 2;
    const counted = await this.#groups.termStatistics({
      ...group,
      budgetMs,
      asked: { indexId, caller, namespace, query, routeVersion, filter },
    });
    // Sums without some shard are for this search alone.
    if (counted.ok && counted.value.missing === undefined) this.#statistics.keep(key, counted.value, askedMs);
    return counted;
  }
}

/** Closeness depends on no other rows. */
const NO_COUNTS: CountedTerms = { fields: [], terms: [], lsn: 0 };

/** Statistics of searches, as they were lately. */
class StatisticsMemory {
  readonly #clock: Clock;
  // The one kept longest comes first.
  readonly #kept = new Map<string, { readonly statistics: CountedTerms; readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  recall(key: string): CountedTerms | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && this.#clock.nowMs() - kept.atMs <= INDEX_LIMITS.termStatisticsTtlMs ? kept.statistics : undefined;
  }

  /** `atMs`: when the shards were asked. */
  keep(key: string, statistics: CountedTerms, atMs: number): void {
    this.#kept.delete(key);
    this.#kept.set(key, { statistics, atMs });
    dropOldest(this.#kept, INDEX_LIMITS.termStatisticsMaxCount);
  }
}
