import { describe, expect, it } from 'vitest';

import { explain } from '../../../../../src/scheduler/engine/explain/explain.ts';
import { REMEDY_LOOKS_MAX } from '../../../../../src/scheduler/engine/explain/remedies.ts';
import { FORECAST_LOOKS_MAX, forecastStart } from '../../../../../src/scheduler/engine/explain/start-forecast.ts';
import { Looks } from '../../../../../src/scheduler/engine/cell/looks.ts';
import { step } from '../../../../../src/scheduler/engine/machine/step.ts';
import { foreseen } from '../../../../../src/scheduler/served/foreseen.ts';
import { cellWays } from '../../../../support/oracles/apply-remedy.ts';
import { crowdedCell, waitingJobs } from '../../../../support/worlds/crowded-cell.ts';

const CROWD = { nodes: 40, pending: 400, shapes: 120, queues: 4 };

/** What explaining looks at besides remedies: its options as they are, and when there is room by limits. */
const BESIDES = 600;

describe('[J350] what one explanation looks at', () => {
  const { cell } = crowdedCell(CROWD);
  const looksOf = (act: () => unknown): number => {
    const before = cell.looks.taken;
    act();
    return cell.looks.taken - before;
  };

  it('is bounded in a crowd of many classes, and finds something there', () => {
    let found = 0;
    for (const job of waitingJobs(cell, 8)) {
      const looks = looksOf(() => (found += explain(cell, job, cellWays(cell, job.spec.queue)).remedies.length));
      expect(looks).toBeLessThanOrEqual(REMEDY_LOOKS_MAX + BESIDES);
      expect(looksOf(() => explain(cell, job))).toBeLessThanOrEqual(BESIDES);
      expect(looksOf(() => forecastStart(cell, job))).toBeLessThanOrEqual(FORECAST_LOOKS_MAX);
    }
    expect(found).toBeGreaterThan(0);
  });

  it('is given up and undone: what is decided then is what a cell decides that was never asked', () => {
    const [asked, other] = [crowdedCell(CROWD), crowdedCell(CROWD)];
    for (const job of waitingJobs(asked.cell, 4)) explain(asked.cell, job, cellWays(asked.cell, job.spec.queue));
    for (const id of [...other.cell.jobs.placed].slice(0, 3)) {
      const event = { kind: 'report', jobId: id, fence: other.cell.jobs.get(id).fence, news: { kind: 'completed' } } as const;
      expect(step(asked.cell, event, asked.nowMs).decisions).toEqual(step(other.cell, event, other.nowMs).decisions);
    }
  });

  it('counts what is supposed within something else towards both, and leaves decisions unbounded', () => {
    const looks = new Looks();
    expect(looks.within(10, () => (looks.take(10), 'done'))).toBe('done');
    const steps: string[] = [];
    const outer = looks.within(10, () => {
      steps.push(String(looks.within(4, () => looks.take(5))));
      looks.take(5);
      steps.push('left');
      looks.within(100, () => looks.take(1));
      steps.push('never');
    });
    expect([outer, steps]).toEqual([undefined, ['undefined', 'left']]);
    looks.take(1_000_000);
    expect(looks.taken).toBe(1_000_021);
    expect(() => looks.within(1, () => assertFails())).toThrow('a bug');
  });
});

const assertFails = (): never => {
  throw new Error('a bug');
};

it('[J351] in a crowd a job later in the line of its queue starts no earlier, and the same again', () => {
  const { cell } = crowdedCell(CROWD);
  const line = waitingJobs(cell, 400)
    .filter(({ spec }) => spec.queue === 'q1' && spec.priority === 51)
    .toSorted((a, b) => a.sequence - b.sequence);
  const [first, last] = [line[0]!, line.at(-1)!];
  const [soon, late] = [forecastStart(cell, first)!, forecastStart(cell, last)!];
  expect(soon.basis).toBe('run_times');
  expect(soon.medianMs!).toBeGreaterThanOrEqual(cell.nowMs);
  expect(soon.medianMs!).toBeLessThan(late.medianMs!);
  expect(soon.earliestMs!).toBeLessThanOrEqual(soon.latestMs!);
  expect(forecastStart(cell, first)).toEqual(soon);
});

it('[J352] what was foreseen is given again until something is decided, or a second has gone by', () => {
  const { cell, nowMs } = crowdedCell(CROWD);
  const [job] = waitingJobs(cell, 1);
  const found = foreseen(cell, job!, nowMs);
  expect(foreseen(cell, job!, nowMs + 999)).toBe(found);
  expect(foreseen(cell, job!, nowMs + 1_000)).not.toBe(found);
  const again = foreseen(cell, job!, nowMs + 1_000);
  const [running] = cell.jobs.placed;
  step(cell, { kind: 'report', jobId: running!, fence: cell.jobs.get(running!).fence, news: { kind: 'completed' } }, nowMs + 1_000);
  expect(foreseen(cell, cell.jobs.get(job!.spec.id), nowMs + 1_000)).not.toBe(again);
});
