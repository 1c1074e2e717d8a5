import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { DueQueue } from '../../../src/kernel/due-queue.ts';
import { effort } from '../../support/fixtures/effort.ts';

const READ_MS = 3;
const LIMITS = { countMax: 14, bytesMax: 180, waitMaxMs: 48 };

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      budgetMs: fc.integer({ min: 0, max: 60 }),
      bytes: fc.integer({ min: 0, max: 30 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stall' as const), ms: fc.integer({ min: 1, max: 30 }) }) },
);

interface Read {
  readonly serial: number;
  readonly dueMs: number;
  readonly bytes: number;
}

it('[OL2] all work is done or refused once, by its deadline, and refused only if late or too much', () => {
  let [refused, overtaken, bumped, spared] = [0, 0, 0, 0];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const waiting = new DueQueue<Read>(LIMITS);
      let [nowMs, serial] = [1_000, 0];
      let model: Read[] = [];
      const rate = () => ({ nowMs, workMs: READ_MS });
      /** The simplest schedule: reads run one after another, in order, from this position on. */
      const judged = (from: number): Read[] => {
        const kept = model.slice(0, from);
        const wanted: Read[] = [];
        for (const read of model.slice(from)) {
          const endsAfterMs = (kept.length + 1) * READ_MS;
          const bytes = kept.reduce((sum, other) => sum + other.bytes, 0) + read.bytes;
          const isTooMuch = endsAfterMs > LIMITS.waitMaxMs || kept.length >= LIMITS.countMax || bytes > LIMITS.bytesMax;
          (isTooMuch || nowMs + endsAfterMs > read.dueMs ? wanted : kept).push(read);
        }
        const last = wanted.at(-1);
        if (kept.length === 0 && last !== undefined && last.dueMs > nowMs) {
          spared += 1;
          kept.push(wanted.pop() ?? last);
        }
        refused += wanted.length;
        model = kept;
        return wanted;
      };
      for (const one of steps) {
        if (one.kind === 'stall') nowMs += one.ms;
        else if (one.kind === 'add') {
          const read = { serial: (serial += 1), dueMs: nowMs + one.budgetMs, bytes: one.bytes };
          const at = model.findIndex(({ dueMs }) => dueMs > read.dueMs);
          if (at >= 0) overtaken += 1;
          model.splice(at < 0 ? model.length : at, 0, read);
          // A stall is noticed when the next read is taken: until then, reads before this one stay in the queue.
          const wanted = judged(at < 0 ? model.length - 1 : at);
          expect(waiting.add(read, read, rate())).toEqual(wanted);
          bumped += wanted.filter((other) => other !== read).length;
        } else {
          const { now, late } = waiting.take(one.count, rate());
          expect(late).toEqual(judged(0));
          const count = Math.max(1, one.count);
          expect(now).toEqual(model.slice(0, count));
          model = model.slice(count);
          for (const { dueMs } of now) expect(dueMs).toBeGreaterThan(nowMs);
          nowMs += now.length * READ_MS;
        }
        expect(waiting.count).toBe(model.length);
      }
    }),
    { seed: 41, numRuns: effort(300) },
  );
  expect(Math.min(refused, overtaken, bumped, spared)).toBeGreaterThan(50);
});
