import { wrap } from '../../../src/cache/cached-embedding.ts';
import type { Assumed } from '../../../src/capacity/assumptions.ts';
import { must } from '../../../src/kernel/assert.ts';
import { ESCALATE_ALL } from '../../../src/upstreams/cascade/calibrated-threshold.ts';
import { decideCascade } from '../../../src/upstreams/cascade/cascade-decision.ts';
import { EscalationCap } from '../../../src/upstreams/cascade/escalation-cap.ts';
import type { ScoredOutcome } from '../../../src/upstreams/cascade/isotonic.ts';
import type { Place, Teacher } from './teacher-runs.ts';

/** A way to serve the calls. */
export interface Setting {
  /** `memory`: of the isolate, with a copy of each answer in memory. `object`: every call asks the second level, which keeps every answer. */
  readonly cache: 'none' | 'memory' | 'object';
  readonly teacher: Teacher;
  /** Texts of one request. */
  readonly batch: number;
  /** Which student answers first, if any. */
  readonly student: 'none' | 'whole' | 'pruned';
}

/** What is switched on, one thing after the other: each step keeps what those before it have. */
export const STEP_NAMES = ['baseline', 'exact cache', 'int8 teacher', 'batches of 16', 'student, cascade', 'pruned student'] as const;
export type StepName = (typeof STEP_NAMES)[number];

export function stepsAt(place: Place): Record<StepName, Setting> {
  const baseline: Setting = { cache: 'none', teacher: `float32 ${place}`, batch: 1, student: 'none' };
  const cached: Setting = { ...baseline, cache: 'memory' };
  const small: Setting = { ...cached, teacher: `int8 ${place}` };
  const batched: Setting = { ...small, batch: 16 };
  return {
    baseline,
    'exact cache': cached,
    'int8 teacher': small,
    'batches of 16': batched,
    'student, cascade': { ...batched, student: 'whole' },
    'pruned student': { ...batched, student: 'pruned' },
  };
}

/** CPU in ms. */
export interface UnitCosts {
  /** Of a call of the teacher with so many texts. */
  teacherMs(teacher: Teacher, texts: number): number;
  /** Of tokenising and embedding one text. */
  readonly studentMs: { readonly whole: number; readonly pruned: number };
  /** Of asking the cache in memory for one text and keeping its answer. */
  readonly lookUpMs: number;
}

/** What the student and the teacher find for a text. */
export interface ReplayedText {
  readonly whole: ScoredOutcome;
  readonly pruned: ScoredOutcome;
}

export interface Replayed {
  /** Of a million calls: models, caches, calls of objects. */
  readonly usdPerMillion: number;
  /** The requests that bring the texts to the gateway, in addition. */
  readonly requestUsdPerMillion: number;
  /** Mean nDCG@10 of the calls, the teacher's ten nearest being right. */
  readonly ndcg: number;
  /** Share of the calls that a cache answered. */
  readonly hits: number;
  /** Share of the texts that the student was given, and the teacher, too. */
  readonly escalated: number;
}

interface World {
  /** Which text each call has. */
  readonly calls: readonly number[];
  readonly texts: readonly ReplayedText[];
  readonly costs: UnitCosts;
  readonly prices: Assumed;
  /** The confidence from which on the student's answer is kept. */
  readonly threshold: number;
}

/** An entry of the second level, its vector, the indexes by key and by use, and the totals of the object. */
const ROWS_WRITTEN_PER_ENTRY = 5;

const USD_PER_MILLION = 1e6;

/** The calls of a trace, one request after the other, by the cache and the cascade that the gateway has; sums what they cost and how good they are. */
export async function replay({ calls, texts, costs, prices, threshold }: World, setting: Setting): Promise<Replayed> {
  const { cache, teacher, batch, student } = setting;
  const cap = new EscalationCap(Number.MAX_SAFE_INTEGER);
  const sum = { cpuMs: 0, poolMs: 0, objectCalls: 0, rowsRead: 0, rowsWritten: 0, computed: 0, escalated: 0, quality: 0, requests: 0 };
  const askTeacher = (count: number): void => {
    if (count === 0) return;
    const ms = costs.teacherMs(teacher, count);
    if (teacher.endsWith('edge')) sum.cpuMs += ms;
    else [sum.poolMs, sum.objectCalls] = [sum.poolMs + ms, sum.objectCalls + 1];
  };
  /** The quality of the answer to each text stands for the answer. */
  const compute = (keys: readonly string[]): Promise<Float32Array[]> => {
    sum.computed += keys.length;
    const outcomes = student === 'none' ? [] : keys.map((key) => must(texts[Number(key)], 'a text of the calls')[student]);
    const kept = outcomes.map(({ score }) => decideCascade(score, threshold, { cap, shareMax: 1, nowMs: 0 }).answer === 'student');
    const escalated = keys.filter((_, i) => kept[i] !== true).length;
    askTeacher(escalated);
    if (student !== 'none') {
      sum.escalated += escalated;
      // The student's confidence is what its search found; the teacher's vectors are searched with again, all of a request in one call.
      sum.cpuMs += keys.length * costs.studentMs[student] + escalated * (prices.searchUs / 1_000);
      sum.objectCalls += Math.min(1, escalated);
    }
    if (cache === 'object')
      [sum.objectCalls, sum.rowsWritten] = [sum.objectCalls + 1, sum.rowsWritten + keys.length * ROWS_WRITTEN_PER_ENTRY];
    return Promise.resolve(keys.map((_, i) => Float32Array.of(kept[i] === true ? must(outcomes[i], 'an outcome').quality : 1)));
  };
  const answer = cache === 'none' ? compute : wrap(compute, { clock: { nowMs: () => 0 } });
  for (let from = 0; from < calls.length; from += batch) {
    const keys = calls.slice(from, from + batch).map(String);
    sum.requests += 1;
    if (cache !== 'none') sum.cpuMs += keys.length * costs.lookUpMs;
    if (cache === 'object') [sum.objectCalls, sum.rowsRead] = [sum.objectCalls + 1, sum.rowsRead + keys.length];
    for (const [quality] of await answer(keys)) sum.quality += quality ?? Number.NaN;
  }
  const { workerCpuUsdPerMillionMs, objectRequestUsdPerMillion, rowsReadUsdPerMillion, rowsWrittenUsdPerMillion } = prices;
  const cpuMs = sum.cpuMs + (sum.objectCalls * prices.callCpuUs) / 1_000;
  const poolUsdPerMs = prices.poolCpuUsdPerHour / 3_600_000 / prices.poolBusyShare;
  const usd =
    (cpuMs * workerCpuUsdPerMillionMs +
      sum.objectCalls * objectRequestUsdPerMillion +
      sum.rowsRead * rowsReadUsdPerMillion +
      sum.rowsWritten * rowsWrittenUsdPerMillion) /
      USD_PER_MILLION +
    sum.poolMs * poolUsdPerMs;
  const requestUsd = sum.requests * (prices.workerRequestUsdPerMillion + prices.gatewayCpuMs * workerCpuUsdPerMillionMs);
  return {
    usdPerMillion: (usd / calls.length) * USD_PER_MILLION,
    requestUsdPerMillion: requestUsd / calls.length,
    ndcg: sum.quality / calls.length,
    hits: 1 - sum.computed / calls.length,
    escalated: sum.computed === 0 ? 0 : sum.escalated / sum.computed,
  };
}

/** One-sided, at 95 %. */
const Z = 1.645;

/**
 * The lowest threshold at which the texts that the student was not fitted on lose at most `lossMax` of their quality on average, all escalated ones
 * losing nothing: with 95 % confidence, so that others keep the bound, too.
 */
export function thresholdForLoss(calibration: readonly ScoredOutcome[], lossMax: number): number {
  const falling = calibration.toSorted((left, right) => right.score - left.score);
  const count = falling.length;
  let [sum, squares, kept] = [0, 0, 0];
  falling.forEach(({ quality }, i) => {
    sum += 1 - quality;
    squares += (1 - quality) ** 2;
    const mean = sum / count;
    const deviation = Math.sqrt((squares / count - mean ** 2) / count);
    if (mean + Z * deviation <= lossMax) kept = i + 1;
  });
  return falling[kept - 1]?.score ?? ESCALATE_ALL;
}
