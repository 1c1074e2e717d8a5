import assert from 'node:assert/strict';
import { expect, it } from 'vitest';

import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';
import { isWaiting, owner } from '../../../src/scheduler/engine/cell/job-record.ts';
import type { CellRecords } from '../../../src/scheduler/engine/cell/records.ts';
import type { CellEvent } from '../../../src/scheduler/engine/cell/event.ts';
import { explain } from '../../../src/scheduler/engine/explain/explain.ts';
import type { RemedyStep } from '../../../src/scheduler/engine/explain/remedy.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import type { NodeSpec } from '../../../src/scheduler/engine/model/pool-spec.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { applyRemedy, cellWays } from '../../support/oracles/apply-remedy.ts';
import { foldRecords } from '../../support/oracles/fold-records.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';

const EVENTS = 90;
const LOOKS_EVERY = 30;
const LOOKS_AT = 3;

/** All that a cell does by itself at one time. */
function settle({ world }: BusyCell): void {
  for (let passes = 0; world.cell.nextDueMs() <= world.nowMs && passes < 50; passes++) world.do({ kind: 'tick' });
}

/** Whether a job is wanted to run at all: services without load are not. */
const isWanted = ({ spec, nodesWanted }: JobRecord): boolean => nodesWanted !== 0 && spec.scaling === null;

it('[J335] every remedy that is named starts the job, in cells of every kind', () => {
  const steps = new Map<RemedyStep['kind'], number>();
  const seen = { wanted: 0, helpless: 0, composed: 0, evicting: 0 };
  for (const seed of firstSeeds(effort(5, 400))) {
    const busy = new BusyCell(seed, seed % 3 === 0);
    const { world } = busy;
    for (let n = 1; n <= EVENTS; n++) {
      world.do(busy.next());
      if (n % LOOKS_EVERY !== 0) continue;
      settle(busy);
      const records = JSON.stringify(foldRecords(world.history));
      for (const job of [...world.cell.jobs.all].filter(isWaiting).slice(0, LOOKS_AT)) {
        const { remedies } = explain(world.cell, job, cellWays(world.cell, job.spec.queue));
        if (isWanted(job)) seen.wanted += 1;
        if (isWanted(job) && remedies.length === 0) seen.helpless += 1;
        for (const remedy of remedies) {
          const cell = new Cell(world.cell.settings, JSON.parse(records) as CellRecords);
          cell.advance(world.nowMs);
          const id = applyRemedy(cell, job.spec.id, remedy, world.nowMs);
          assert.ok(owner(cell.jobs.get(id)) !== null, `seed ${seed}, event ${n}, ${id}: ${JSON.stringify(remedy)}`);
          if (remedy.steps.length > 1) seen.composed += 1;
          if (remedy.evicts.length > 0) seen.evicting += 1;
          for (const { kind } of remedy.steps) steps.set(kind, (steps.get(kind) ?? 0) + 1);
        }
      }
    }
  }
  expect(seen.helpless, JSON.stringify(seen)).toBeLessThanOrEqual(seen.wanted / 20);
  expect(seen.composed).toBeGreaterThan(5);
  for (const kind of ['more_quota', 'more_nodes', 'uncordon', 'higher_price_limit', 'smaller_demand', 'resume', 'lift_suspension'] as const)
    expect(steps.get(kind), `${kind}: ${JSON.stringify([...steps])}`).toBeGreaterThan(0);
});

it('[J336] a cell that explains decides as one that does not', () => {
  for (const seed of firstSeeds(effort(4, 200))) {
    const busy = new BusyCell(seed, seed % 2 === 0);
    const asking = new Cell(busy.world.cell.settings);
    let at = 0;
    const follow = (event: CellEvent): void => {
      const { decisions } = step(asking, event, busy.world.nowMs);
      assert.deepEqual(decisions, busy.world.history.slice(at, at + decisions.length), `seed ${seed}: ${JSON.stringify(event)}`);
      at += decisions.length;
      assert.equal(at, busy.world.history.length, `seed ${seed}: ${JSON.stringify(event)}`);
    };
    follow({ kind: 'add_nodes', nodes: [...busy.world.cell.fleet.pools].flatMap(({ spec }) => nodesIn(busy, spec.id)) });
    for (let n = 1; n <= EVENTS; n++) {
      const event = busy.next();
      busy.world.do(event);
      follow(event);
      if (n % 10 !== 0) continue;
      const dueMs = asking.nextDueMs();
      for (const job of [...asking.jobs.all].filter(isWaiting).slice(0, LOOKS_AT)) explain(asking, job, cellWays(asking, job.spec.queue));
      assert.deepEqual([asking.takeDecisions(), asking.nextDueMs()], [[], dueMs]);
    }
  }
});

const nodesIn = ({ world }: BusyCell, poolId: PoolId): readonly NodeSpec[] =>
  world.cell.fleet.nodesOf(poolId).map((index) => world.cell.fleet.node(index).spec);
