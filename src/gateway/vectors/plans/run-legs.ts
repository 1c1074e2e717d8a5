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
import type { Timer } from '../../../kernel/timer.ts';
import { inTime } from '../../../kernel/timer.ts';
import type { Decision } from './fuse-legs.ts';
import { fuseLegs } from './fuse-legs.ts';
import type { Found, SearchTerms } from './leg-search.ts';
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
  readonly timer: Timer;
  /** Milliseconds since the Unix epoch. */
  readonly deadlineMs: number;
  /** Up to which match the page goes. */
  readonly pageEnd: number;
  /** What the vectors of a field, or of the index (the empty name), are expected to reach: a share of BM25. */
  readonly vectorQuality: (field: string) => number;
  /** The search settings of the index, if it has any. */
  readonly tuned: TunedLegs | null;
}

const NOT_SEARCHED = { ranking: [], lsn: 0, missing: [], scored: null, postingsSkipped: null } satisfies Found;

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
    if (own.every(({ isLate }) => isLate)) return err(refusal('deadline_exceeded', 'no leg of the search answered before the deadline'));
    const { ranking, decision } = fuseLegs(own, fusion, this.#terms.tuned);
    return ok({ ranking, decision, own, all: ran.value.flatMap(({ within, leg }) => [...within, leg]) });
  }

  async #leg(
    leg: Leg,
    outer: Filter | null,
    at: FieldPath,
  ): Promise<Outcome<{ readonly leg: RanLeg; readonly within: readonly RanLeg[] }>> {
    const { clock, pageEnd } = this.#terms;
    const vectorQuality = this.#terms.vectorQuality(leg.kind === 'vector' ? leg.field : '');
    const startedMs = clock.nowMs();
    const filter = bothOf(outer, leg.filter);
    const limit = limitOf(leg, pageEnd);
    const result = (found: Found, within: readonly RanLeg[], isLate: boolean) => {
      const tookMs = clock.nowMs() - startedMs;
      const known = { kind: leg.kind, weight: leg.weight, vectorQuality, tunedKey: tunedKeyOf(leg) };
      return ok({ leg: { ...found, ...known, at, tookMs, isLate }, within });
    };
    const late = (within: readonly RanLeg[]) => result(NOT_SEARCHED, within, true);
    if (leg.kind === 'plan') {
      const ran = await this.group(leg, filter, [...at, 'legs']);
      if (!ran.ok) return ran.error.code === 'deadline_exceeded' ? late([]) : ran;
      return result({ ...NOT_SEARCHED, ranking: ran.value.ranking.slice(0, limit) }, ran.value.all, false);
    }
    const prefetched = leg.kind === 'ids' ? undefined : leg.prefetch;
    if (prefetched === undefined) {
      const found = await this.#search(() => searchLeg(leg, this.#terms, filter, limit), at);
      if (!found.ok) return found;
      return found.value === 'late' ? late([]) : result(found.value, [], false);
    }
    const ran = await this.group(prefetched, filter, [...at, 'prefetch', 'legs']);
    if (!ran.ok) return ran.error.code === 'deadline_exceeded' ? late([]) : ran;
    const ids = idsOf(ran.value.ranking.slice(0, limitOf(prefetched, pageEnd)));
    if (ids.length === 0) return result(NOT_SEARCHED, ran.value.all, false);
    const found = await this.#search(() => searchLeg(leg, this.#terms, bothOf(filter, { kind: 'ids', ids }), limit), at);
    if (!found.ok) return found;
    return found.value === 'late' ? late(ran.value.all) : result(found.value, ran.value.all, false);
  }

  async #search(search: () => Promise<Outcome<Found>>, at: FieldPath): Promise<Outcome<Found | 'late'>> {
    const { clock, timer, deadlineMs } = this.#terms;
    const leftMs = deadlineMs - clock.nowMs();
    const found = leftMs <= 0 ? undefined : await inTime(search(), leftMs, timer);
    if (found === undefined) return ok('late');
    if (found.ok) return found;
    return found.error.code === 'deadline_exceeded' ? ok('late') : err(inLeg(found.error, at));
  }
}

/** A refusal of one leg names it, unless it is about the moment. */
const inLeg = (error: Refusal, at: FieldPath): Refusal =>
  ERRORS[error.code].retryable ? error : refusalAt(error, [...at, ...(error.path ?? [])]);

function bothOf(one: Filter | null, other: Filter | undefined): Filter | null {
  if (one === null || other === undefined) return one ?? other ?? null;
  return { kind: 'and', of: [one, other] };
}
