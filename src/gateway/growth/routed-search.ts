import type { PartAnswer } from '../../ann/fan-out/merge-answers.ts';
import { mergeAnswers } from '../../ann/fan-out/merge-answers.ts';
import { probeCount } from '../../ann/fan-out/probe-count.ts';
import type { Reading } from '../../ann/fan-out/reading.ts';
import type { GroupQuery } from '../../ann/fan-out/shard-group.ts';
import type { IndexManifest } from '../../ann/index-manifest.ts';
import { STRONG } from '../../ann/replication/read-consistency.ts';
import { PROBE_REACH, PROBES_MAX, probesOf, withSources } from '../../ann/routing/probe-plan.ts';
import type { ShardMatches, ShardQuery } from '../../ann/shard-protocol.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { Routes } from './route-cache.ts';

/** Asks any number of shards, and merges what they answer until the deadline. */
export interface GroupSearch {
  search(query: GroupQuery): Promise<Outcome<PartAnswer>>;
}

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
    routes: Routes,
    query: ShardQuery,
    reading: Reading = { consistency: STRONG },
  ): Promise<Outcome<ShardMatches>> {
    const { table, router, replicas } = routes;
    const { target, topK, exact = false } = query;
    assert(target.kind === 'values', 'whoever routes a query knows where to');
    const startedMs = this.#clock.nowMs();
    const deadlineMs = reading.deadlineMs ?? startedMs + LIMITS.queryDeadlineDefaultMs;
    const ask = (shards: readonly number[]) =>
      this.#group.search({
        // Those that the table names: they were whole when it became what it is.
        manifest: { ...manifest, replicas },
        shards,
        query: { ...query, routeVersion: table.version },
        consistency: reading.consistency,
        budgetMs: deadlineMs - this.#clock.nowMs(),
      });
    const ranked = router.rankForSearching(target.values);
    const near = exact ? ranked : probesOf(ranked, PROBE_REACH, probeCount(PROBES_MAX, deadlineMs - startedMs, this.#usual.slowMs));
    const first = withSources(
      table,
      near.map(({ ordinal }) => ordinal),
    );
    const found = await ask(first);
    if (!found.ok) return found;
    const rest = table.shards.map(({ ordinal }) => ordinal).filter((ordinal) => !first.includes(ordinal));
    const isShort = found.value.ids.length < topK && rest.length > 0;
    const more = isShort ? await this.#more(rest, deadlineMs, ask) : undefined;
    if (more?.ok === false) return more;
    // Vectors that moved meanwhile may have left one shard before it was asked and come to the other after it was.
    if (this.#clock.nowMs() - startedMs > LIMITS.moveGraceMs && table.shards.some(({ state }) => state.kind === 'draining')) {
      return refuse('stale_route', 'vectors moved while they were looked for');
    }
    return ok(more === undefined ? found.value : mergeAnswers(manifest.metric, manifest.dimensions, [found.value, more.value], query));
  }

  /** What was found before is worth more than no answer: shards that do not answer now are missing. */
  async #more(
    shards: readonly number[],
    deadlineMs: number,
    ask: (shards: readonly number[]) => Promise<Outcome<PartAnswer>>,
  ): Promise<Outcome<PartAnswer>> {
    if (deadlineMs <= this.#clock.nowMs()) return ok({ ...NOTHING, missing: shards });
    const asked = await ask(shards);
    return !asked.ok && ABSENT.has(asked.error.code) ? ok({ ...NOTHING, missing: shards }) : asked;
  }
}

/** As which a fan-out refuses when no shard answered. */
const ABSENT: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded']);

/** What shards found that did not answer. */
const NOTHING = { ids: [], scores: [], values: null, metadata: null, texts: null, shards: [], lsn: 0, isOld: false };
