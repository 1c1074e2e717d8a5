import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Refusal } from '../../../contract/api/errors.ts';
import { ERRORS, refusal, refusalAt } from '../../../contract/api/errors.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { allOf } from '../../../contract/api/outcome.ts';
import type { Filter } from '../../../contract/vectors/filter.ts';
import type { Leg, LegGroup } from '../../../contract/vectors/plans/legs.ts';
import { limitOf } from '../../../contract/vectors/plans/legs.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { Due } from './due.ts';
import { isLate } from './due.ts';
import type { Decision } from './fuse-legs.ts';
import { fuseLegs } from './fuse-legs.ts';
import type { LegBatches } from './leg-batches.ts';
import type { Found, Search, SearchTerms } from './leg-search.ts';
import { searchLeg } from './leg-search.ts';
import type { Ranking } from './ranking.ts';
import { idsOf } from './ranking.ts';
import type { TunedLegs } from './tuned-legs.ts';
import { tunedKeyOf } from './tuned-legs.ts';

/** What one leg of a plan found. */
export interface RanLeg extends Found {
  readonly at: FieldPath;
  readonly kind: Leg['kind'];
  /** Undefined: none was asked for. */
  readonly weight: number | undefined;
  readonly vectorQuality: number;
  readonly tunedKey: string | null;
  /** How many it finds at most, and whether it has looked at as many as it would: there may be more. */
  readonly limit: number;
  readonly isFull: boolean;
  readonly tookMs: number;
  /** Whether the deadline came before its answer. */
  readonly isLate: boolean;
}

/** What the legs of a group found together. */
export interface RanGroup {
  readonly ranking: Ranking;
  readonly decision: Decision;
  /** The legs of the group, in their order. */
  readonly own: readonly RanLeg[];
  /** These and those within them, each behind those that it holds. */
  readonly all: readonly RanLeg[];
}

export interface LegRunTerms extends SearchTerms {
  readonly clock: Clock;
  readonly due: Due;
  /** Up to which match the page goes. */
  readonly pageEnd: number;
  /** Rows that are passed over: legs look for as many more as they are. */
  readonly excluded: readonly string[];
  /** What the vectors of a field, or of the index (the empty name), are expected to reach: a share of BM25. */
  readonly vectorQuality: (field: string) => number;
  /** The search settings of the index, if it has any. */
  readonly tuned: TunedLegs | null;
  readonly batches: LegBatches;
}

const NOT_SEARCHED = { ranking: [], lsn: 0, missing: [], scored: null, postingsSkipped: null } satisfies Found;

/** What a leg found, behind what those within it did. */
interface LegOfAll {
  readonly leg: RanLeg;
  readonly within: readonly RanLeg[];
}

/** Runs the legs of one plan, all at once, under one deadline. */
export class LegRun {
  readonly #terms: LegRunTerms;

  constructor(terms: LegRunTerms) {
    this.#terms = terms;
  }

  /**
   * What the legs find, merged. A leg that is late has found nothing [TX262]; refuses with `deadline_exceeded` where all are, and as the first leg that
   * is refused for another reason, naming it.
   */
  async group({ legs, fusion }: LegGroup, filter: Filter | null, at: FieldPath): Promise<Outcome<RanGroup>> {
    const ran = await allOf(legs.map((leg, i) => this.#leg(leg, filter, [...at, i])));
    if (!ran.ok) return ran;
    const own = ran.value.map(({ leg }) => leg);
    if (own.every((leg) => leg.isLate)) return err(refusal('deadline_exceeded', 'no leg of the search answered before the deadline'));
    const { ranking, decision } = fuseLegs(own, fusion, this.#terms.tuned);
    return ok({ ranking, decision, own, all: ran.value.flatMap(({ within, leg }) => [...within, leg]) });
  }

  async #leg(leg: Leg, outer: Filter | null, at: FieldPath): Promise<Outcome<LegOfAll>> {
    const { clock, pageEnd, excluded } = this.#terms;
    const vectorQuality = this.#terms.vectorQuality(leg.kind === 'vector' ? leg.field : '');
    const startedMs = clock.nowMs();
    const filter = bothOf(outer, leg.filter);
    const limit = limitOf(leg, pageEnd);
    const room = limit + excluded.length;
    const legOf = (found: Outcome<Found>, within: readonly RanLeg[], isCut = false): Outcome<LegOfAll> => {
      if (!found.ok && !isLate(found)) return found;
      const tookMs = clock.nowMs() - startedMs;
      const known = { kind: leg.kind, weight: leg.weight, vectorQuality, tunedKey: tunedKeyOf(leg) };
      const isFull = isCut || (found.ok && found.value.ranking.length >= room);
      const of = { ...known, at, limit, isFull, tookMs, isLate: !found.ok };
      return ok({ leg: { ...(found.ok ? found.value : NOT_SEARCHED), ...of }, within });
    };
    if (leg.kind === 'plan') {
      const ran = await this.group(leg, filter, [...at, 'legs']);
      if (!ran.ok) return legOf(ran, []);
      return legOf(ok({ ...NOT_SEARCHED, ranking: ran.value.ranking.slice(0, room) }), ran.value.all);
    }
    const prefetched = leg.kind === 'ids' ? undefined : leg.prefetch;
    if (prefetched === undefined) return legOf(await this.#search(leg, filter, room, at), []);
    const ran = await this.group(prefetched, filter, [...at, 'prefetch', 'legs']);
    if (!ran.ok) return legOf(ran, []);
    const prefetchedMax = limitOf(prefetched, pageEnd) + excluded.length;
    const ids = idsOf(ran.value.ranking.slice(0, prefetchedMax));
    const among = bothOf(filter, { kind: 'ids', ids });
    const found = ids.length === 0 ? ok(NOT_SEARCHED) : await this.#search(leg, among, room, at);
    return legOf(found, ran.value.all, ids.length >= prefetchedMax);
  }

  async #search(leg: Search, filter: Filter | null, limit: number, at: FieldPath): Promise<Outcome<Found>> {
    const { due, batches, reading } = this.#terms;
    const found = await due.within('the leg', () =>
      batches.search(leg, (part) => searchLeg(leg, { ...this.#terms, reading: { ...reading, part } }, filter, limit)),
    );
    return found.ok ? found : err(inLeg(found.error, at));
  }
}

/** A refusal of one leg names it, unless it is about the moment. */
const inLeg = (error: Refusal, at: FieldPath): Refusal =>
  ERRORS[error.code].retryable ? error : refusalAt(error, [...at, ...(error.path ?? [])]);

function bothOf(one: Filter | null, other: Filter | undefined): Filter | null {
  if (one === null || other === undefined) return one ?? other ?? null;
  return { kind: 'and', of: [one, other] };
}
