import assert from 'node:assert/strict';
import { expect, it } from 'vitest';
import type { CohortNode } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import { owner } from '../../../src/scheduler/engine/cell/job-record.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { foldRecords } from '../../support/oracles/fold-records.ts';

/** What is in use of every quota, and how well each placed job is covered. */
function standing(cell: Cell): unknown {
  const node = ({ spec, parent, height, accounts, children }: CohortNode): unknown => [
    [spec.name, parent?.spec.name ?? null, height, [...accounts].toSorted(([a], [b]) => (a < b ? -1 : 1))],
    children.map(node),
  ];
  const placed = cell.jobs.inOrder(cell.jobs.placed).flatMap((job) => {
    const attempt = owner(job);
    return attempt === null ? [] : [[job.spec.id, cell.holdings.holders.standing(cell.holdings.holderWith(job, attempt))]];
  });
  return [cell.tree.roots.map(node), placed];
}

/** What a queue has had lately, whatever it weighs. */
const had = (cell: Cell, name: string): number => cell.queue(name).history.averagePpm * cell.tree.node(name).spec.weightMilli;

it('[J180] what is in use, and what queues have had, outlast every change of the tree', () => {
  const seen = { changes: 0, withJobs: 0, withHistory: 0, began: 0 };
  for (const seed of firstSeeds(effort(15, 1_200))) {
    const busy = new BusyCell(seed);
    const { world } = busy;
    const { cell } = world;
    for (let n = 0; n < 120; n++) {
      const event = busy.next();
      if (event.kind !== 'change_cohorts') {
        world.do(event);
        continue;
      }
      // So that nothing else ages what queues have had.
      world.do({ kind: 'tick' });
      const before = new Map(['a', 'b', 'c'].map((name) => [name, had(cell, name)]));
      const placed = [...cell.jobs.placed];
      cell.changeCohorts(event.saved, event.gone);
      world.history.push(...cell.takeDecisions());
      assert.deepEqual([...cell.jobs.placed], placed, 'what runs goes on');
      const anew = new Cell(cell.settings, foldRecords(world.history));
      anew.advance(cell.nowMs);
      assert.deepEqual(standing(cell), standing(anew), `seed ${seed}, event ${n}: ${JSON.stringify(event)}`);
      seen.changes += 1;
      if (placed.length > 0) seen.withJobs += 1;
      for (const [name, amount] of before) {
        // It only ages: by the share that it has, up to now. Rounding takes less than its weight.
        const { weightMilli } = cell.tree.node(name).spec;
        if (!event.saved.some((spec) => spec.name === name)) assert.equal(had(cell, name), amount);
        else if (placed.length === 0) assert.ok(had(cell, name) <= amount && (amount === 0 || cell.queue(name).history.untilMs > 0));
        if (amount > weightMilli) seen.withHistory += 1;
      }
      const team = cell.tree.find('team');
      if (team !== undefined && event.saved.some(({ name }) => name === 'team')) {
        const members = team.children.reduce((sum, { spec }) => sum + had(cell, spec.name), 0);
        assert.ok(Math.abs(had(cell, 'team') - members) <= team.spec.weightMilli, 'a cohort has had what its members have had');
        seen.began += 1;
      }
      world.do({ kind: 'tick' });
    }
  }
  for (const [what, count] of Object.entries(seen))
    expect(count, `the runs contained ${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(10);
});
