import fc from 'fast-check';
import { expect, it } from 'vitest';

import { windowMsOf } from '../../../src/slo/error-budget.ts';
import type { Cursor } from '../../../src/slo/observation.ts';
import { countersFromMs, grownBy } from '../../../src/slo/observation.ts';
import { SloRegister } from '../../../src/slo/slo-register.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 10);
const OBJECTIVE = { name: 'o', target: 0.9, windowDays: 30, owner: 'team', indicator: { kind: 'recall', index: 'a' } } as const;

/** A call or a look, so many minutes after the one before. A call may be counted in the hour before, as isolates hold back. */
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('call', 'look'),
    minutes: fc.integer({ min: 0, max: 150 }),
    isGood: fc.boolean(),
    isLate: fc.boolean(),
  }),
  { minLength: 1, maxLength: 120 },
);

it('[SL4] [SL6] events are counted once, whenever counters are looked at and however compacted', () => {
  fc.assert(
    fc.property(steps, (history) => {
      let nowMs = START_MS;
      const hours = new Map<number, { good: number; total: number }>();
      const register = new SloRegister(new NodeSql(), { nowMs: () => nowMs });
      register.put(OBJECTIVE, undefined);
      const objective = { ...OBJECTIVE, createdAtMs: START_MS };
      let cursor: Cursor = {};
      const look = (): void => {
        const fromHour = countersFromMs(cursor, windowMsOf(OBJECTIVE), nowMs) / HOUR_MS;
        const counters = [...hours].filter(([hour]) => hour >= Math.floor(fromHour)).map(([hour, counts]) => ({ hour, ...counts }));
        const seen = grownBy(
          cursor,
          counters.toSorted((a, b) => a.hour - b.hour),
          nowMs,
        );
        register.observe(objective, seen, () => {});
        ({ cursor } = seen);
      };
      for (const { kind, minutes, isGood, isLate } of history) {
        nowMs += minutes * 60_000;
        if (kind === 'look') look();
        else {
          const hour = Math.floor(nowMs / HOUR_MS) - (isLate ? 1 : 0);
          const counts = hours.get(hour) ?? { good: 0, total: 0 };
          hours.set(hour, { good: counts.good + (isGood ? 1 : 0), total: counts.total + 1 });
        }
      }
      look();
      const total = [...hours.values()].reduce((sum, one) => sum + one.total, 0);
      const good = [...hours.values()].reduce((sum, one) => sum + one.good, 0);
      const view = register.view('o');
      expect(view.ok && view.value.budget.events).toEqual({ good, total });
    }),
    { numRuns: effort(40) },
  );
});
