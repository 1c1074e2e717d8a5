import { describe, expect, it } from 'vitest';

import { Seeded } from '../../../../../src/kernel/seeded.ts';
import { Cell } from '../../../../../src/scheduler/engine/cell/cell.ts';
import { Histogram } from '../../../../../src/scheduler/engine/cell/run-times.ts';
import { StartErrors } from '../../../../../src/scheduler/engine/cell/start-errors.ts';
import type { CellDecision } from '../../../../../src/scheduler/engine/cell/records.ts';
import { countedLatest, countedStarts } from '../../../../../src/scheduler/engine/explain/counted-play.ts';
import type { Draws } from '../../../../../src/scheduler/engine/explain/run-time-draws.ts';
import { waitInterval } from '../../../../../src/scheduler/engine/explain/start-interval.ts';
import { foreseen } from '../../../../../src/scheduler/served/foreseen.ts';
import { RunTimeSampler } from '../../../../../src/scheduler/engine/explain/run-time-sampler.ts';
import { forecastStart } from '../../../../../src/scheduler/engine/explain/start-forecast.ts';
import type { JobSpec } from '../../../../../src/scheduler/engine/model/job-spec.ts';
import { demand, jobSpec, nodeSpec, option } from '../../../../support/fixtures/scheduler-specs.ts';
import { foldRecords } from '../../../../support/oracles/fold-records.ts';
import { CellWorld } from '../../../../support/worlds/cell-world.ts';
import { recurringLoad, replayedStarts } from '../../../../support/worlds/replayed-starts.ts';

const LIMITED: Partial<JobSpec> = { options: [option(8)], limits: { ...jobSpec(0).limits, durationMaxMs: 60_000 } };

/** A node for one job at a time. */
const oneAtATime = (): CellWorld => new CellWorld({}, [nodeSpec(0)]);

/** Runs jobs one after the other for so long each. */
function ran(world: CellWorld, first: number, seconds: readonly number[]): void {
  for (const [at, s] of seconds.entries()) {
    const id = world.submit(first + at, LIMITED);
    world.report(id, { kind: 'running' });
    world.nowMs += s * 1_000;
    world.report(id, { kind: 'completed' });
  }
}

const forecast = (world: CellWorld, id: JobSpec['id']) => forecastStart(world.cell, world.job(id))!;

describe('[J325] when a waiting job starts', () => {
  it('is all that limits allow while no run times are known: later for each that is before it', () => {
    const world = oneAtATime();
    const [, second, third] = [1, 2, 3].map((n) => world.submit(n, LIMITED));
    const widest = { basis: 'limits', earliestMs: world.nowMs, medianMs: null, seen: 0 };
    expect(forecast(world, second!)).toMatchObject({ ...widest, latestMs: world.nowMs + 60_000 });
    expect(forecast(world, third!)).toMatchObject({ ...widest, latestMs: world.nowMs + 120_000 });
    const open = world.submit(4, { options: [option(8)] });
    const last = world.submit(5, { options: [option(8)] });
    expect(forecast(world, open).latestMs).toBe(world.nowMs + 180_000);
    expect(forecast(world, last), 'nothing limits the one before it').toMatchObject({ ...widest, latestMs: null });
  });

  it('is an interval by the run times of jobs like those before it, of one position after the other', () => {
    const world = oneAtATime();
    ran(
      world,
      100,
      Array.from({ length: 40 }, (_, n) => 18 + (n % 5)),
    );
    const [running, second, third, fourth] = [1, 2, 3, 4].map((n) => world.submit(n, LIMITED));
    world.report(running!, { kind: 'running' });
    world.nowMs += 10_000;
    world.do({ kind: 'tick' });
    const found = [second!, third!, fourth!].map((id) => forecast(world, id));
    for (const [at, { basis, seen, earliestMs, medianMs, latestMs, confidence }] of found.entries()) {
      expect({ basis, confidence }).toEqual({ basis: 'run_times', confidence: 0.8 });
      expect(seen).toBe(40);
      const inS = (atMs: number | null) => (atMs! - world.nowMs) / 1_000;
      expect(Math.abs(inS(medianMs) - (10 + 20 * at))).toBeLessThan(3);
      expect(inS(latestMs) - inS(earliestMs)).toBeLessThan(12);
      expect(inS(earliestMs)).toBeLessThan(inS(medianMs));
    }
    expect(forecast(world, third!), 'the same again').toEqual(found[1]);
    world.nowMs += 200_000;
    expect(world.cell.jobs.get(running!).attempt, 'and nothing has happened').not.toBeNull();
  });

  it('is not foreseen of jobs that do not wait for nodes', () => {
    const world = oneAtATime();
    const [running, waiting, dependent] = [
      world.submit(1, LIMITED),
      world.submit(2, LIMITED),
      world.submit(3, { dependsOn: [jobSpec(1).id] }),
    ];
    expect(forecastStart(world.cell, world.job(running))).toBeNull();
    expect(forecastStart(world.cell, world.job(dependent))).toBeNull();
    world.do({ kind: 'hold', jobId: waiting, isHeld: true });
    expect(forecastStart(world.cell, world.job(waiting))).toBeNull();
  });
});

describe('[J327] run times', () => {
  it('of attempts that were taken away, and of those that run, are longer than they have lasted', () => {
    const world = oneAtATime();
    ran(world, 100, [5, 5, 5, 5]);
    const drawn = (): number => {
      const sampler = new RunTimeSampler(world.cell, new Seeded(1), world.nowMs);
      const draws = Array.from({ length: 300 }, () => {
        sampler.nextSample();
        return sampler.runMs({ ...world.job(waiting), attempt: null }, 0);
      });
      return draws.filter((ms) => ms > 10_000).length / draws.length;
    };
    const running = world.submit(1, LIMITED);
    const waiting = world.submit(2, LIMITED);
    world.report(running, { kind: 'running' });
    expect(drawn()).toBeLessThan(0.2);
    world.nowMs += 40_000;
    world.do({ kind: 'tick' });
    expect(drawn(), 'one of five has lasted for 40 s').toBeGreaterThan(0.15);
    world.do({ kind: 'preempt', jobId: running });
    world.report(running, { kind: 'released' });
    expect(world.cell.runTimes.find(world.job(waiting).classKey)?.counts).toContainEqual([122, 0, 1]);
    expect(drawn(), 'and still counts once it was taken away').toBeGreaterThan(0.15);
    expect(world.cell.runTimes.find(world.job(waiting).classKey)?.ended, 'but has not ended by itself').toBe(4);
  });

  it('are recorded ever more rarely, and the same by a rebuilt cell; one from before has none', () => {
    const histogram = new Histogram();
    const weights = Array.from({ length: 600 }, () => {
      const { weight } = histogram;
      histogram.add(1_000, false, weight);
      return weight;
    });
    expect([weights[0], weights[127], weights[128], weights.at(-1)]).toEqual([1, 1, 2, 8]);
    expect(histogram.ended, 'what is long ago is forgotten').toBeLessThanOrEqual(1_024);
    const world = oneAtATime();
    ran(world, 1, [5, 7, 9]);
    const records = foldRecords(world.history);
    const key = world.job(jobSpec(1).id).classKey;
    expect(new Cell(world.cell.settings, records).runTimes.find(key)?.counts).toEqual(world.cell.runTimes.find(key)?.counts);
    const { runTimes: _, ...before } = records;
    expect(new Cell(world.cell.settings, before).runTimes.find(key)).toBeUndefined();
    world.do({ kind: 'change_cohorts', saved: [], gone: [] });
  });
});

it('[J328] a job that waits again since its node was lost knows which, and when', () => {
  const world = new CellWorld({}, [nodeSpec(0), nodeSpec(1)]);
  const [first, second] = [world.submit(1, LIMITED), world.submit(2, LIMITED)];
  const silent = world.cell.fleet.node(world.job(first).attempt!.placement.slots[0]!.node).spec.id;
  world.do({ kind: 'node_lost', nodeId: silent });
  expect(world.job(first)).toMatchObject({ state: 'evicted', lost: { nodeId: silent, atMs: world.nowMs } });
  world.nowMs += 1_000;
  const other = world.cell.fleet.node(world.job(second).attempt!.placement.slots[0]!.node).spec.id;
  world.report(second, { kind: 'failed', isPermanent: false, by: { place: 0, isSilent: true } });
  const after = world.job(second).attempt === null ? world.job(second) : world.job(first);
  expect(after.lost?.nodeId === other || world.job(first).lost === undefined).toBe(true);
  world.do({ kind: 'add_nodes', nodes: [nodeSpec(2)] });
  for (const id of [first, second]) expect(world.job(id)).toMatchObject({ attempt: expect.anything() });
  for (const id of [first, second]) expect(world.job(id).lost).toBeUndefined();
});

it('[J326] [J371] intervals hold as many replayed starts as they say, and are narrow beside the wait', () => {
  const rng = new Seeded(11);
  const load = { jobs: 300, accelerators: 32, load: 1.15, owners: 1, kinds: 6, spread: 0.5 };
  const found = replayedStarts(
    recurringLoad(load, () => rng.next()),
    { nodes: 4, acceleratorsPerNode: 8 },
    12,
  );
  expect(found.foreseen).toBeGreaterThan(15);
  expect(found.within).toBeGreaterThanOrEqual(0.75);
  expect(found.medianWidthPart).toBeLessThan(0.5);
});

describe('[J370] how far starts lay from what was foreseen', () => {
  const waits = Array.from({ length: 48 }, (_, at) => 60_000 * Math.exp((at - 23.5) / 48));

  it('moves and widens the interval: late starts make it later, mixed ones wider', () => {
    const none = waitInterval(waits, { tree: 'a', errors: [], aim: 0.82 })!;
    const late = waitInterval(waits, { tree: 'a', errors: Array.from({ length: 64 }, (_, at) => 2 + at / 64), aim: 0.82 })!;
    const mixed = waitInterval(waits, { tree: 'a', errors: Array.from({ length: 64 }, (_, at) => at / 8 - 4), aim: 0.82 })!;
    expect(none.earliestMs).toBeLessThan(60_000);
    expect(late.earliestMs).toBeGreaterThan(none.medianMs);
    expect(mixed.latestMs - mixed.earliestMs).toBeGreaterThan(2 * (none.latestMs - none.earliestMs));
    const wider = waitInterval(waits, { tree: 'a', errors: [], aim: 0.95 })!;
    expect(wider.latestMs - wider.earliestMs).toBeGreaterThan(none.latestMs - none.earliestMs);
    expect(waitInterval([Infinity], { tree: 'a', errors: [], aim: 0.82 })).toBeUndefined();
    expect(waitInterval([...waits.slice(0, 10), ...waits.slice(0, 5).fill(Infinity)], { tree: 'a', errors: [], aim: 0.82 })!.latestMs).toBe(
      Infinity,
    );
  });

  it('is the shortest interval that holds so many', () => {
    const skewed = Array.from({ length: 48 }, (_, at) => 1_000 * Math.exp(at / 8));
    const { earliestMs, latestMs } = waitInterval(skewed, { tree: 'a', errors: [], aim: 0.82 })!;
    expect(earliestMs).toBeLessThan(2_000);
    expect(latestMs).toBeLessThan(skewed[42]!);
  });

  it('is a bounded row a tree, written as a foreseen job starts, the same in a rebuilt cell; one from before has none', () => {
    const decided: CellDecision[] = [];
    const errors = new StartErrors((decision) => void decided.push(decision));
    for (let at = 0; at < 300; at++) {
      const id = jobSpec(at).id;
      const expected = { tree: 'a', askedAtMs: 0, logWait: Math.log(1_000), spread: 1, earliestMs: 500, latestMs: 2_000 };
      errors.expect(id, expected);
      errors.expect(id, { ...expected, logWait: 0 });
      errors.started(id, 1_000);
      errors.started(id, 9_000);
    }
    const { errors: kept, aim } = errors.of('a');
    expect([kept.length, decided.length]).toEqual([128, 300]);
    expect(new Set(kept), 'the first forecast counts').toEqual(new Set([0]));
    expect(aim, 'all were within').toBe(0.6);
    errors.expect(jobSpec(1).id, { tree: 'a', askedAtMs: 0, logWait: 0, spread: 1, earliestMs: 0, latestMs: 1 });
    errors.started(jobSpec(1).id, 1_000);
    expect(errors.of('a').aim, 'one was not').toBeCloseTo(0.624);
    errors.expect(jobSpec(2).id, { tree: 'a', askedAtMs: 0, logWait: 0, spread: 1, earliestMs: 0, latestMs: 1 });
    errors.forget(jobSpec(2).id);
    errors.started(jobSpec(2).id, 1_000);
    expect(decided).toHaveLength(301);
  });

  it('is counted for a job that was foreseen, not for one that was held meanwhile, and not by a plan', () => {
    const world = oneAtATime();
    ran(world, 100, [20, 20, 20, 20]);
    const [running, waiting] = [1, 2].map((n) => world.submit(n, LIMITED));
    world.report(running!, { kind: 'running' });
    world.cell.undo.trial(() => foreseen(world.cell, world.job(waiting!), world.nowMs));
    const { forecast: found } = foreseen(world.cell, world.job(waiting!), world.nowMs);
    const tree = found!.played!.tree;
    world.nowMs += 20_000;
    world.report(running!, { kind: 'completed' });
    expect(world.cell.startErrors.of(tree).errors).toHaveLength(1);
    const records = foldRecords(world.history);
    expect(new Cell(world.cell.settings, records).startErrors.of(tree)).toEqual(world.cell.startErrors.of(tree));
    const { startErrors: _, ...before } = records;
    expect(new Cell(world.cell.settings, before).startErrors.of(tree).errors).toEqual([]);
    const held = world.submit(3, LIMITED);
    foreseen(world.cell, world.job(held), world.nowMs);
    world.do({ kind: 'hold', jobId: held, isHeld: true });
    world.do({ kind: 'hold', jobId: held, isHeld: false });
    world.report(waiting!, { kind: 'running' });
    world.nowMs += 1_000;
    world.report(waiting!, { kind: 'completed' });
    expect(world.job(held).attempt).not.toBeNull();
    expect(world.cell.startErrors.of(tree).errors).toHaveLength(1);
  });
});

it('[J372] run times are learnt as parts of stated work, and foretell a start to a few percent', () => {
  const world = oneAtATime();
  for (const [at, work] of [10, 90, 30, 60, 20, 80, 15, 70, 25, 40, 50, 35].entries()) {
    const id = world.submit(100 + at, { ...LIMITED, limits: { ...LIMITED.limits!, durationMaxMs: 600_000 }, workMs: work * 1_000 });
    world.report(id, { kind: 'running' });
    world.nowMs += work * 1_100;
    world.report(id, { kind: 'completed' });
  }
  const wanted = { ...LIMITED, limits: { ...LIMITED.limits!, durationMaxMs: 600_000 } };
  const [running, , last] = [300, 100, 50].map((s, n) => world.submit(n + 1, { ...wanted, workMs: s * 1_000 }));
  world.report(running!, { kind: 'running' });
  const { medianMs, earliestMs, latestMs } = forecast(world, last!);
  expect(Math.abs((medianMs! - world.nowMs) / 440_000 - 1)).toBeLessThan(0.12);
  expect(latestMs! - earliestMs!).toBeLessThan(0.5 * 440_000);
});

it('[J373] by counts, as by the engine, small jobs pass one that waits for a node, and no others', () => {
  const world = new CellWorld({}, [nodeSpec(0), nodeSpec(1)]);
  ran(world, 100, [20, 20, 20, 20, 20, 20]);
  const limited = (count: number, s: number) => ({
    ...LIMITED,
    options: [option(count)],
    limits: { ...LIMITED.limits!, durationMaxMs: s * 1_000 },
  });
  const [whole, part] = [world.submit(1, limited(8, 60)), world.submit(2, limited(4, 30))];
  for (const id of [whole, part]) world.report(id, { kind: 'running' });
  const first = world.submit(3, limited(8, 60));
  const next = world.submit(4, limited(8, 60));
  const draws = (job: number): Draws => ({
    samplesMax: 8,
    chance: () => 0.5,
    pace: () => 1,
    runMs: ({ spec }) => spec.limits.durationMaxMs!,
    usualMs: () => 1,
    nextSample: () => {},
    seen: job,
  });
  const inS = (id: JobSpec['id']) => new Set(countedStarts(world.cell, world.job(id), draws(1)).map((ms) => (ms - world.nowMs) / 1_000));
  expect([inS(first), inS(next)], 'one as the part ends, one as the whole does').toEqual([new Set([30]), new Set([60])]);
});

it('[J373] counts leave out nodes that have left, and those that were only supposed', () => {
  const anywhere: Partial<JobSpec> = { ...LIMITED, options: [option(0, { accelerator: null, perNode: demand(0, { cpuMilli: 64_000 }) })] };
  const world = new CellWorld({}, [nodeSpec(0)]);
  const running = world.submit(1, anywhere);
  world.report(running, { kind: 'running' });
  const waiting = world.submit(2, anywhere);
  const inS = () => (countedLatest(world.cell, world.job(waiting)) - world.nowMs) / 1_000;
  expect(inS(), 'as the other ends').toBe(60);
  world.cell.undo.trial(() => {
    world.cell.fleet.add(nodeSpec(1), world.nowMs);
    expect(inS(), 'at once').toBe(0);
  });
  expect(inS(), 'the node was only supposed').toBe(60);
  const { index } = world.cell.fleet.add(nodeSpec(2), world.nowMs);
  world.cell.fleet.remove(index);
  expect(inS(), 'the node has left').toBe(60);
});
