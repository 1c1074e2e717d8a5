import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { WaitingReads } from '../../../src/ann/read-queue.ts';
import { effort } from '../../support/fixtures/effort.ts';

const READ_MS = 3;

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), budgetMs: fc.integer({ min: 0, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stall' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
);

interface Read {
  readonly serial: number;
  readonly dueMs: number;
}

it('[F41] every read is done or refused exactly once, by its deadline, and refused only if late', () => {
  let [refused, overtaken, bumped] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const waiting = new WaitingReads<Read>();
      let [nowMs, serial] = [1_000, 0];
      let model: Read[] = [];
      const rate = () => ({ nowMs, readMs: READ_MS });
      /** Compares with the simplest schedule: reads run one after another, in order. */
      const settle = (late: readonly Read[]): void => {
        const kept: Read[] = [];
        const wanted: Read[] = [];
        for (const read of model) (nowMs + (kept.length + 1) * READ_MS > read.dueMs ? wanted : kept).push(read);
        expect(late).toEqual(wanted);
        refused += late.length;
        model = kept;
      };
      for (const one of steps) {
        if (one.kind === 'stall') nowMs += one.ms;
        else if (one.kind === 'add') {
          const read = { serial: (serial += 1), dueMs: nowMs + one.budgetMs };
          const at = model.findIndex(({ dueMs }) => dueMs > read.dueMs);
          if (at >= 0) overtaken += 1;
          model.splice(at < 0 ? model.length : at, 0, read);
          // A stall is noticed when the next read is taken: until then, reads before this one stay in the queue.
          const before = at < 0 ? model.length - 1 : at;
          const untouched = model.slice(0, before);
          const late = waiting.add(read, read.dueMs, rate());
          const kept = [...untouched];
          const wanted: Read[] = [];
          for (const other of model.slice(before)) (nowMs + (kept.length + 1) * READ_MS > other.dueMs ? wanted : kept).push(other);
          expect(late).toEqual(wanted);
          bumped += late.filter((other) => other !== read).length;
          refused += late.length;
          model = kept;
        } else {
          const { now, late } = waiting.take(one.count, rate());
          settle(late);
          const count = Math.max(1, one.count);
          expect(now).toEqual(model.slice(0, count));
          model = model.slice(count);
          for (const [place, { dueMs }] of now.entries()) expect(nowMs + (place + 1) * READ_MS).toBeLessThanOrEqual(dueMs);
          nowMs += now.length * READ_MS;
        }
        expect(waiting.count).toBe(model.length);
      }
    }),
    { seed: 41, numRuns: effort(300) },
  );
  expect(Math.min(refused, overtaken, bumped)).toBeGreaterThan(50);
});
