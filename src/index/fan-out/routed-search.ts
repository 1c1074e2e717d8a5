import { ABSENCES } from './fan-out.ts';
import type { PartAnswer } from './merge-answers.ts';
import { mergeAnswers } from './merge-answers.ts';
import type { Reading } from './shard-reads.ts';
import type { GroupSearch } from './group-search.ts';
import type { IndexManifest } from '../index-manifest.ts';
import { STRONG } from '../../ann/replication/read-consistency.ts';
import type { KnownRoutes } from '../routing/known-routes.ts';
import { PROBE_REACH, PROBES_MAX, probesOf, withSources } from '../routing/probe-plan.ts';
import type { ShardMatches, ShardQuery } from '../../ann/shard-protocol.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';

/** Searches the shards near the query all at once, and the rest if too few matches are left there. */
export class RoutedSearch {
  readonly #group: GroupSearch;
  /** How long slow calls take, once that is known. */
  readonly #usual: { readonly slowMs: number | undefined };
  readonly #clock: Clock;

  constructor(group: GroupSearch, usual: { readonly slowMs: number | undefined }, clock: Clock) {
    this.#group = group;
    this.#usual = usual;
    this.#clock = clock;
  }

  /** The target of the query is given by its values. Refuses with `stale_route`, or as shards do. */
  async search(
    manifest: IndexManifest,
    routes: KnownRoutes,
    query: ShardQuery,
    reading: Reading = { consistency: STRONG },
  ): Promise<Outcome<ShardMatches>> {
    const { summary, replicas } = routes;
    const { target, topK, exact = false } = query;
    assert(target.kind === 'values', 'a routed query has its vector');
    const startedMs = this.#clock.nowMs();
    const deadlineMs = reading.deadlineMs ?? startedMs + API_LIMITS.queryDeadlineDefaultMs;
    const all = summary.shards.map(({ ordinal }) => ordinal);
    const ask = (shards: readonly number[]) =>
      this.#group.search(
        {
          // The replicas that the routing table names: they were complete when it was published.
          manifest: { ...manifest, replicas },
          shards,
          query: { ...query, routeVersion: summary.version },
          consistency: reading.consistency,
          budgetMs: deadlineMs - this.#clock.nowMs(),
        },
        reading.part,
      );
    const probes = exact ? ok(all) : await this.#probes(routes, target.values, deadlineMs - startedMs);
    if (!probes.ok) return probes;
    const first = probes.value;
    const found = await ask(first);
    if (!found.ok) return found;
    const asked = new Set(first);
    const rest = all.filter((ordinal) => !asked.has(ordinal));
    const isShort = found.value.ids.length < topK && rest.length > 0;
    const more = isShort ? await this.#more(rest, deadlineMs, ask) : undefined;
    if (more?.ok === false) return more;
    // Vectors that moved meanwhile may have left one shard before it was asked and come to the other after it was.
    if (this.#clock.nowMs() - startedMs > INDEX_LIMITS.moveGraceMs && summary.shards.some(({ state }) => state.kind !== 'serving')) {
      return refuse('stale_route', 'vectors moved during the search');
    }
    return ok(more === undefined ? found.value : mergeAnswers(manifest.metric, manifest.dimensions, [found.value, more.value], query));
  }

  /** The shards near the query, and those whose vectors may still be moving to them. */
  async #probes(routes: KnownRoutes, values: Float32Array, budgetMs: number): Promise<Outcome<number[]>> {
    const ranked = await routes.rankForSearching(values);
    if (!ranked.ok) return ranked;
    const near = probesOf(ranked.value, PROBE_REACH, probeCount(PROBES_MAX, budgetMs, this.#usual.slowMs));
    return ok(
      withSources(
        routes.summary,
        near.map(({ ordinal }) => ordinal),
      ),
    );
  }

  /** What was found before is worth more than no answer: shards that do not answer now are missing. */
  async #more(
    shards: readonly number[],
    deadlineMs: number,
    ask: (shards: readonly number[]) => Promise<Outcome<PartAnswer>>,
  ): Promise<Outcome<PartAnswer>> {
    if (deadlineMs <= this.#clock.nowMs()) return ok({ ...NOTHING, missing: shards });
    const asked = await ask(shards);
    return !asked.ok && ABSENCES.has(asked.error.code) ? ok({ ...NOTHING, missing: shards }) : asked;
  }
}

/** What shards found that did not answer. */
const NOTHING = { ids: [], scores: [], values: null, metadata: null, texts: null, shards: [], lsn: 0, isOld: false };

/**
 * How many of the shards that a query wants it can ask in the time it has: each further call delays all of them by the cost of making a
 * call, and the slow ones take `slowMs`. At least one; without measurements, all.
 */
export function probeCount(wanted: number, remainingMs: number, slowMs: number | undefined): number {
  if (slowMs === undefined) return wanted;
  const affordable = Math.floor((remainingMs - slowMs) / VECTOR_LIMITS.leafCallCostMs);
  return Math.min(wanted, Math.max(1, affordable));
}
