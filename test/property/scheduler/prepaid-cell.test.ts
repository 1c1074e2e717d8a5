import assert from 'node:assert/strict';

import { expect, it } from 'vitest';

import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { foldRecords } from '../../support/oracles/fold-records.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';
import type { CellWorld } from '../../support/worlds/cell-world.ts';

const text = (decisions: readonly CellDecision[]): string => decisions.map((decision) => JSON.stringify(decision)).join('\n');

/** What was granted to each attempt, grant by grant, and what was charged of it. */
class Grants {
  readonly granted = new Map<string, number>();
  readonly charged = new Map<string, number>();

  charge(world: CellWorld): void {
    for (const { event } of world.decided('charge')) {
      assert(event.grant !== null, 'every charge has a grant that pays for it');
      const grant = `${event.jobId} ${event.fence} ${event.grant.index}`;
      const sum = (this.charged.get(grant) ?? 0) + event.quantity;
      this.charged.set(grant, sum);
      assert(sum <= (this.granted.get(grant) ?? 0) * 1_000, 'no more is charged than was granted');
    }
  }
}

const seen = { grants: 0, usedUp: 0, followed: 0, refused: 0, stopped: 0, late: 0 };

/** Notes the answer to what an attempt asks for now. */
function note(world: CellWorld, grants: Grants, event: CellEvent): void {
  if (event.kind === 'unfunded') seen.refused += 1;
  if (event.kind !== 'funded') return;
  const { attempt } = world.job(event.jobId);
  if (attempt?.funds?.askedIndex !== event.grant) return;
  grants.granted.set(`${event.jobId} ${event.fence} ${event.grant}`, event.acceleratorMs);
  seen.grants += 1;
  if (event.grant > 0) seen.followed += 1;
  if (attempt.startedAtMs !== null && attempt.segment === null) seen.late += 1;
}

/** An attempt that nothing pays for is asked to stop, unless the answer to its request can still be on its way. */
function checkUnpaid({ cell, nowMs }: CellWorld): void {
  for (const { attempt } of cell.jobs.all) {
    if (attempt === null || attempt.startedAtMs === null || attempt.segment !== null) continue;
    seen.usedUp += 1;
    const isAnswerDue = attempt.funds?.askedAtMs != null && nowMs < attempt.funds.askedAtMs + 1_000;
    assert(attempt.leaving !== null || isAnswerDue, 'nothing runs on unpaid');
  }
}

it('[J115] no attempt starts unpaid or costs more than its grants; a rebuilt cell goes on alike', () => {
  for (const seed of firstSeeds(effort(15, 800))) {
    const busy = new BusyCell(seed, true);
    const { world } = busy;
    const grants = new Grants();
    let twin = world.cell;
    for (let n = 0; n < 150; n++) {
      if (n % 5 === 0) {
        twin = new Cell(world.cell.settings, foldRecords(world.history));
        twin.advance(world.cell.nowMs);
      }
      const event = busy.next();
      note(world, grants, event);
      const { decisions } = world.do(event);
      assert.equal(text(step(twin, event, world.nowMs).decisions), text(decisions), `seed ${seed}, event ${n}: ${JSON.stringify(event)}`);
      grants.charge(world);
      for (const { jobId, fence } of world.decided('start')) assert(grants.granted.has(`${jobId} ${fence} 0`), 'what starts is paid');
      seen.stopped += world.decided('notice').filter(({ reason }) => reason === 'budget_exhausted').length;
      checkUnpaid(world);
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(10);
});
