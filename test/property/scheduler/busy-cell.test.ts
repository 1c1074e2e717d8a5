import assert from 'node:assert/strict';

import { expect, it } from 'vitest';

import { plan } from '../../../src/scheduler/explain/plan.ts';
import { Cell } from '../../../src/scheduler/machine/cell.ts';
import type { CellDecision } from '../../../src/scheduler/machine/decision.ts';
import { step } from '../../../src/scheduler/machine/step.ts';
import { BusyCell } from '../../support/busy-cell.ts';
import { seeds } from '../../support/effort.ts';
import { foldRecords } from '../../support/fold-records.ts';

/** As a store and a pool see them. */
const text = (decisions: readonly CellDecision[]): string => decisions.map((decision) => JSON.stringify(decision)).join('\n');

it('[J50] [J60] a cell to which everything happens decides the same when rebuilt on the way, and as planned', () => {
  const seen = { rebuilt: 0, placed: 0, waits: 0 };
  // In those beyond the first, holds were gone through in the order in which they had come.
  for (const seed of seeds(40, 294, 496, 561)) {
    const busy = new BusyCell(seed);
    const { world } = busy;
    let twin = world.cell;
    for (let n = 0; n < 120; n++) {
      if (n % 5 === 0) {
        twin = new Cell(world.cell.settings, foldRecords(world.history));
        twin.advance(world.cell.nowMs);
        seen.rebuilt += 1;
      }
      const event = busy.next();
      const planned = event.kind === 'submit' ? plan(world.cell, event.spec, world.nowMs) : undefined;
      const { decisions } = world.do(event);
      assert.equal(text(step(twin, event, world.nowMs).decisions), text(decisions), `seed ${seed}, event ${n}: ${JSON.stringify(event)}`);
      if (event.kind !== 'submit' || planned?.ok !== true) continue;
      const { attempt } = world.job(event.spec.id);
      if (planned.value.kind === 'waits') {
        assert.equal(attempt, null, `seed ${seed}, event ${n}`);
        seen.waits += 1;
      } else {
        assert.deepEqual(
          planned.value.nodeIds,
          attempt?.placement.slots.map(({ node }) => world.cell.fleet.node(node).spec.id),
        );
        seen.placed += 1;
      }
    }
  }
  for (const [what, count] of Object.entries(seen)) expect(count, `the runs contained ${what}`).toBeGreaterThan(100);
});
