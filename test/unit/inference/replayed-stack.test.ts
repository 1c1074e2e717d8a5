import { describe, expect, it } from 'vitest';

import { assumed } from '../../../src/capacity/assumptions.ts';
import { REPLAYED } from '../../../src/inference/cost/replayed-stack.ts';
import { ESCALATE_ALL } from '../../../src/upstreams/cascade/calibrated-threshold.ts';
import type { HeldOut } from '../../bench/cost/held-out-student.ts';
import { heldOutStudent } from '../../bench/cost/held-out-student.ts';
import type { Setting, UnitCosts } from '../../bench/cost/stack.ts';
import { replay, STEP_NAMES, stepsAt, thresholdForLoss } from '../../bench/cost/stack.ts';
import { stackFigures } from '../../bench/cost/stack-figures.ts';
import { CALL_SIZES, teacherCall, TEACHERS } from '../../bench/cost/teacher-runs.ts';
import { callsOf, countRepeats, repeatRateOf, TRACE } from '../../bench/cost/trace-repeats.ts';
import { minilmTexts, studentBase } from '../../support/fixtures/minilm-pairs.ts';

describe('the trace', () => {
  it('[U154] counts requests as the same by all that is asked, not by when and how they ended', () => {
    const csv = `gmt_create,predict_status,exec_time_seconds,groupId,prompt_length
1,SUCCEED,1.0,a,5
2,FAILED,2.0,a,5
3,SUCCEED,1.0,a,6
4,SUCCEED,1.0,b,5`;
    expect(countRepeats(csv)).toEqual({
      calls: 4,
      counts: [
        [1, 2],
        [2, 1],
      ],
    });
    expect(TRACE.counts.reduce((sum, [times, requests]) => sum + times * requests, 0)).toBe(TRACE.calls);
  });

  it('[U154] gives calls the repeat rate that is asked for, every text at least once, unevenly', () => {
    for (const rate of [0, repeatRateOf(TRACE), 0.6]) {
      const calls = callsOf(200, TRACE, rate, 1);
      expect(new Set(calls).size).toBe(200);
      expect(1 - 200 / calls.length).toBeCloseTo(rate, 2);
      expect(callsOf(200, TRACE, rate, 1)).toEqual(calls);
      expect(callsOf(200, TRACE, rate, 2)).not.toEqual(calls);
    }
    const calls = callsOf(200, TRACE, 0.6, 1);
    const times = [...new Set(calls)].map((text) => calls.filter((call) => call === text).length);
    expect(Math.max(...times)).toBeGreaterThan(30);
  });
});

const FREE = {
  ...assumed(),
  workerCpuUsdPerMillionMs: 0,
  objectRequestUsdPerMillion: 0,
  rowsReadUsdPerMillion: 0,
  rowsWrittenUsdPerMillion: 0,
  poolCpuUsdPerHour: 0,
  callCpuUs: 0,
  searchUs: 0,
};
const COSTS: UnitCosts = { teacherMs: (_, texts) => 10 + texts, studentMs: { whole: 1, pruned: 0.5 }, lookUpMs: 0.25 };
const text = (score: number, quality: number) => ({ whole: { score, quality }, pruned: { score, quality: quality / 2 } });
/** Texts 0 and 1 are sure, 2 is not; two calls repeat an earlier one. */
const WORLD = { calls: [0, 1, 0, 2, 1], texts: [text(0.9, 1), text(0.8, 0.5), text(0.1, 0)], costs: COSTS, threshold: 0.5 };
const run = (setting: Partial<Setting>, prices: Partial<typeof FREE>) =>
  replay({ ...WORLD, prices: { ...FREE, ...prices } }, { cache: 'none', teacher: 'float32 edge', batch: 1, student: 'none', ...setting });

describe('a replay', () => {
  const cpu = { workerCpuUsdPerMillionMs: 1e6 };

  it('[U154] pays the teacher for every call, or for what no cache answers', async () => {
    expect((await run({}, cpu)).usdPerMillion).toBeCloseTo(11e6);
    const cached = await run({ cache: 'memory' }, cpu);
    expect(cached.usdPerMillion).toBeCloseTo(((3 * 11 + 5 * 0.25) / 5) * 1e6);
    expect(cached).toMatchObject({ hits: 0.4, ndcg: 1, escalated: 0 });
    // A batch of four calls of three texts, then one call that the cache answers.
    expect((await run({ cache: 'memory', batch: 4 }, cpu)).usdPerMillion).toBeCloseTo(((13 + 5 * 0.25) / 5) * 1e6);
  });

  it('[U154] pays the student for what is computed, the teacher and a search for what is escalated', async () => {
    const cascade = await run({ cache: 'memory', student: 'whole' }, { ...cpu, searchUs: 2_000 });
    expect(cascade.usdPerMillion).toBeCloseTo(((3 * 1 + 11 + 2 + 5 * 0.25) / 5) * 1e6);
    expect(cascade.escalated).toBeCloseTo(1 / 3);
    // What a cache answers is as good as what it keeps.
    expect(cascade.ndcg).toBeCloseTo((1 + 0.5 + 1 + 1 + 0.5) / 5);
    expect((await run({ cache: 'memory', student: 'pruned' }, cpu)).ndcg).toBeCloseTo((0.5 + 0.25 + 0.5 + 1 + 0.25) / 5);
  });

  it('[U154] pays a pool for its seconds, busy or not, and objects for calls and rows', async () => {
    const pool = await run({ teacher: 'int8 pool' }, { poolCpuUsdPerHour: 3_600_000, poolBusyShare: 0.5 });
    expect(pool.usdPerMillion).toBeCloseTo(22e6);
    const calls = { objectRequestUsdPerMillion: 1 };
    expect((await run({ teacher: 'int8 pool' }, calls)).usdPerMillion).toBeCloseTo(1);
    // Every request asks the object; those that compute store in it.
    expect((await run({ cache: 'object' }, calls)).usdPerMillion).toBeCloseTo((5 + 3) / 5);
    expect((await run({ cache: 'object' }, { rowsWrittenUsdPerMillion: 1 })).usdPerMillion).toBeCloseTo((3 * 5) / 5);
    expect((await run({ batch: 4 }, { workerRequestUsdPerMillion: 1 })).requestUsdPerMillion).toBeCloseTo(2 / 5);
  });
});

describe('the threshold for a loss', () => {
  const sure = Array.from({ length: 100 }, (_, i) => ({ score: i, quality: 1 }));

  it('[U154] keeps what the calibration can bear with 95 % confidence, and no more', () => {
    expect(thresholdForLoss(sure, 0)).toBe(0);
    expect(
      thresholdForLoss(
        sure.map((outcome) => ({ ...outcome, quality: 0 })),
        0.001,
      ),
    ).toBe(ESCALATE_ALL);
    // The lower half is always wrong: of all, 5 % may lose everything on average, and fewer to be sure of it.
    const halved = sure.map(({ score }) => ({ score, quality: Number(score >= 50) }));
    const threshold = thresholdForLoss(halved, 0.05);
    expect(threshold).toBeGreaterThan(45);
    expect(threshold).toBeLessThanOrEqual(50);
  });
});

describe('the stack', () => {
  const recorded = minilmTexts();
  const TEXTS = 240;
  const some = { ...recorded, texts: recorded.texts.slice(0, TEXTS), vectors: recorded.vectors.subarray(0, TEXTS * recorded.dimensions) };
  /** As measured once, in ms: the test is of what follows from costs. */
  const samples = new Map([
    ...TEACHERS.flatMap((teacher) => {
      const ms = { 'float32 edge': 205, 'int8 edge': 105, 'float32 pool': 36, 'int8 pool': 17 }[teacher];
      return CALL_SIZES.map((size) => [teacherCall(teacher, size), [ms * size]] as const);
    }),
    ['whole', [27]] as const,
    ['pruned', [27]] as const,
    ['look-up', [4]] as const,
  ]);

  it('[U154] keeps the loss of held-out texts within its bound, each step on the calls of the one before', async () => {
    const base = studentBase();
    const splits: HeldOut[] = [1, 2, 3].map((seed) => heldOutStudent(some, base, seed, { whole: 3_000, pruned: 500 }));
    const replayable = { splits, samples, prices: assumed(), repeatRate: repeatRateOf(TRACE), lossMax: 0.01 };
    const strict = await stackFigures({ ...replayable, measure: 'strict' }, 'edge');
    expect(strict.steps.map(({ name }) => name)).toEqual(STEP_NAMES);
    expect(strict.steps.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    for (const { loss } of strict.steps) expect(loss.mean).toBeLessThanOrEqual(0.01);
    const [baseline, cached, , batched] = strict.steps;
    expect(baseline!.usdPerMillion / cached!.usdPerMillion).toBeCloseTo(1 / (1 - replayable.repeatRate), 1);
    expect(baseline!.usdPerMillion / batched!.usdPerMillion).toBeCloseTo(205 / 105 / (1 - replayable.repeatRate), 1);
    // A measure that forgives neighbours that are nearly as near lets the student answer more.
    const graded = await stackFigures({ ...replayable, measure: 'graded' }, 'edge');
    expect(graded.steps.at(-1)!.escalated).toBeLessThan(strict.steps.at(-1)!.escalated - 0.2);
    expect(graded.total.mean).toBeGreaterThan(strict.total.mean);
    expect(graded.steps.at(-1)!.loss.mean).toBeLessThanOrEqual(0.01);
  });

  it('[U154] is reported as it was measured', () => {
    expect(REPLAYED.stacks).toHaveLength(8);
    for (const { steps, total, lossMax } of REPLAYED.stacks.map((stack) => ({ ...stack, lossMax: REPLAYED.lossMax }))) {
      expect(steps.map(({ name }) => name)).toEqual(STEP_NAMES);
      expect(steps.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 2);
      expect(steps[0]!.usdPerMillion / steps.at(-1)!.usdPerMillion / total.mean).toBeCloseTo(1, 1);
      for (const { loss } of steps) expect(loss.mean).toBeLessThanOrEqual(lossMax);
    }
    expect(Object.keys(stepsAt('edge'))).toEqual([...STEP_NAMES]);
  });
});
