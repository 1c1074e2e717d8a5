import type { ErrorCode, Refusal } from '../../../contract/api/errors.ts';
import { ERRORS, refusalAt } from '../../../contract/api/errors.ts';
import { API_LIMITS } from '../../../contract/api/api-limits.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { EvaluateBody } from '../../../contract/vectors/judged/evaluations.ts';
import { JUDGED_LIMITS } from '../../../contract/vectors/judged/judged-limits.ts';
import { measureOf } from '../../../contract/vectors/judged/measure-names.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { JudgedMeasure } from '../../../text/judging/judged-settings.ts';
import { judgeSettings } from '../../../text/judging/judged-settings.ts';
import { Composed } from '../../api/composed.ts';
import type { IndexRef } from '../../indexes/index-ref.ts';
import { onIndex, onOneIndex } from '../../indexes/index-ref.ts';
import type { ManifestCache } from '../../indexes/manifest-cache.ts';
import { checkPlan } from '../plans/check-plan.ts';
import type { FoundPlan, PlanCaller, Plans } from '../plans/plans.ts';
import type { Ranking } from '../plans/ranking.ts';
import type { TokensUsed } from '../vector-space.ts';
import { bothUsed, NO_TOKENS } from '../vector-space.ts';
import type { OnIndex } from '../vectors.ts';
import type { JudgedCase } from './judged-cases.ts';
import { casesOf } from './judged-cases.ts';

interface EvaluationsParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly plans: Pick<Plans, 'search'>;
  readonly clock: Clock;
  /** Lets other calls go on before the next step of a long computation. */
  readonly giveWay: () => Promise<void>;
}

/** A query of which every plan was answered whole. */
interface RankedCase extends JudgedCase {
  /** By plan. */
  readonly rankings: readonly Ranking[];
}

interface UnjudgedCase {
  readonly id: string;
  /** The position of the plan without an answer. */
  readonly plan: number;
  readonly code: ErrorCode;
}

/** What an evaluation found. */
export interface Evaluation extends TokensUsed {
  readonly judged: readonly RankedCase[];
  /** Of each measure that was asked for; none where nothing was judged. */
  readonly measures: readonly JudgedMeasure[];
  readonly unjudged: readonly UnjudgedCase[];
  /** What is relevant and not there. */
  readonly unknown: readonly string[];
  readonly searches: number;
  readonly lsn: number;
}

/** Queries that are searched at once: more would wait for the same shards. */
const AT_ONCE = 4;

const NOTHING_INCLUDED = { values: false, metadata: false, text: false };

/** Measures searches of an index by judgements. SPEC: SPEC.md. */
export class Evaluations extends Composed<EvaluationsParts> {
  /**
   * Runs every plan of every query as searches are run, and measures what they rank. Refuses what does not fit the index as `Plans` does, naming the
   * plan; what only the moment refuses leaves the query unjudged. [TX312] [TX313]
   */
  evaluate(
    caller: PlanCaller,
    index: IndexRef,
    body: EvaluateBody,
    budgetMs: number = API_LIMITS.queryDeadlineDefaultMs,
  ): Promise<Outcome<OnIndex<Evaluation>>> {
    const { manifests, clock } = this.parts;
    const untilMs = clock.nowMs() + budgetMs;
    return onOneIndex(manifests, caller.principal, index, async (pin) => {
      const cases = casesOf(body);
      if (!cases.ok) return cases;
      const known = await onIndex(manifests, caller.principal, pin, async (manifest) => {
        const checked = checkCases(manifest, cases.value);
        return checked.ok ? this.#unknown(manifest, cases.value, body.namespace) : checked;
      });
      if (!known.ok) return known;
      const run = new EvaluationRun(this.parts, caller, pin, untilMs);
      const found = await run.search(cases.value, known.value.manifest);
      if (!found.ok) return found;
      const measures = await this.#measured(found.value.judged, body);
      return ok({ ...found.value, measures, unknown: known.value.unknown, manifest: known.value.manifest });
    });
  }

  /** Which of the relevant are not in the index, and the index. [TX315] */
  async #unknown(manifest: IndexManifest, cases: readonly JudgedCase[], namespace: string) {
    const shards = this.parts.shards.of(manifest);
    const relevant = new Set(cases.flatMap(({ gains }) => [...gains].flatMap(([id, gain]) => (gain > 0 ? [id] : []))));
    const unknown = new Set(relevant);
    const ids = [...relevant];
    const countMax = VECTOR_LIMITS.vectorIdsSliceMaxCount;
    for (let at = 0; at < ids.length; at += countMax) {
      const slice = { indexId: manifest.id, namespace, ids: ids.slice(at, at + countMax), include: NOTHING_INCLUDED };
      const there = await shards.fetch(slice, { kind: 'strong' });
      if (!there.ok) return there;
      for (const id of there.value.ids) unknown.delete(id);
    }
    return ok({ unknown: [...unknown], manifest });
  }

  /** Each measure is some tens of milliseconds of resampling. */
  async #measured(judged: readonly RankedCase[], { measures, seed }: EvaluateBody): Promise<JudgedMeasure[]> {
    if (judged.length === 0) return [];
    const queries = judged.map(({ gains, rankings }) => ({ gains, rankings: rankings.map((ranking) => ranking.map(({ id }) => id)) }));
    const all: JudgedMeasure[] = [];
    for (const name of measures) {
      await this.parts.giveWay();
      all.push(judgeSettings(queries, measureOf(name), seed));
    }
    return all;
  }
}

/** The searches of one evaluation. */
class EvaluationRun {
  readonly #parts: EvaluationsParts;
  readonly #caller: PlanCaller;
  readonly #index: IndexRef;
  readonly #untilMs: number;
  #searches = 0;
  #used: TokensUsed = NO_TOKENS;
  #lsn = Infinity;

  constructor(parts: EvaluationsParts, caller: PlanCaller, index: IndexRef, untilMs: number) {
    this.#parts = parts;
    this.#caller = caller;
    this.#index = index;
    this.#untilMs = untilMs;
  }

  /** Refuses with `index_moving` where another generation than that of the manifest answers. [TX314] */
  async search(cases: readonly JudgedCase[], manifest: IndexManifest): Promise<Outcome<Omit<Evaluation, 'measures' | 'unknown'>>> {
    const judged: (RankedCase | undefined)[] = cases.map(() => undefined);
    const unjudged: UnjudgedCase[] = [];
    let refused: Outcome<never> | undefined;
    const pending = cases.entries();
    const worker = async (): Promise<void> => {
      for (const [at, one] of pending) {
        if (refused !== undefined) return;
        const ranked = await this.#case(one, manifest);
        if (!ranked.ok) refused ??= ranked;
        else if ('code' in ranked.value) unjudged.push(ranked.value);
        else judged[at] = ranked.value;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (refused !== undefined) return refused;
    const order = new Map(cases.map(({ id }, at) => [id, at]));
    return ok({
      judged: judged.filter((one) => one !== undefined),
      unjudged: unjudged.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0)),
      searches: this.#searches,
      lsn: Number.isFinite(this.#lsn) ? this.#lsn : 0,
      ...this.#used,
    });
  }

  async #case(one: JudgedCase, manifest: IndexManifest): Promise<Outcome<RankedCase | UnjudgedCase>> {
    const rankings: Ranking[] = [];
    for (const [plan, { body, at }] of one.plans.entries()) {
      const found = await this.#plan(body);
      if (!found.ok) {
        if (isOfMoment(found.error)) return ok({ id: one.id, plan, code: found.error.code });
        return err(inPlan(found.error, at));
      }
      if (found.value.manifest.id !== manifest.id) return MOVED;
      this.#lsn = Math.min(this.#lsn, found.value.lsn);
      // A ranking that lacks a leg or a shard is that of another search. [TX313]
      if (found.value.missing.length > 0 || found.value.cutParts.length > 0) return ok({ id: one.id, plan, code: 'deadline_exceeded' });
      rankings.push(rankingOf(found.value));
    }
    return ok({ ...one, rankings });
  }

  async #plan(body: PlanBody): Promise<Outcome<OnIndex<FoundPlan>>> {
    const leftMs = this.#untilMs - this.#parts.clock.nowMs();
    if (leftMs <= 0) return refuse('deadline_exceeded', 'the deadline of the evaluation has passed');
    const found = await this.#parts.plans.search(this.#caller, this.#index, body, leftMs);
    if (!found.ok) return found;
    this.#searches += found.value.searches;
    this.#used = bothUsed(this.#used, found.value);
    return found;
  }
}

/** Refuses what does not fit the index before any search is made, and more searches than a call may make. [TX312] */
function checkCases(manifest: IndexManifest, cases: readonly JudgedCase[]): Outcome<null> {
  let searches = 0;
  for (const { plans } of cases) {
    for (const { body, at } of plans) {
      const checked = checkPlan(manifest, body);
      if (!checked.ok) return err(inPlan(checked.error, at));
      searches += checked.value.searches;
    }
  }
  if (searches <= JUDGED_LIMITS.evaluationSearchesMaxCount) return ok(null);
  const what = `the queries make ${searches} searches of legs: send them in slices`;
  return refuseBeyond({ path: 'queries', limit: 'evaluationSearchesMaxCount', value: searches, what });
}

/** A refusal of one plan names it. */
const inPlan = (error: Refusal, at: FieldPath): Refusal => (error.path === undefined ? error : refusalAt(error, [...at, ...error.path]));

const MOVED = refuse('index_moving', 'another generation of the index serves since the evaluation began: repeat it');

/** Whether the same search may be answered at another time. */
const isOfMoment = ({ code }: Refusal): boolean => code === 'insufficient_quota' || (ERRORS[code].retryable && code !== 'index_moving');

const rankingOf = ({ page }: FoundPlan): Ranking => page.ids.map((id, at) => ({ id, score: page.scores[at] ?? 0 }));
