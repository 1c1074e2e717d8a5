import assert from 'node:assert/strict';
import { expect, it } from 'vitest';
import { plan } from '../../../src/scheduler/engine/explain/plan.ts';
import { Cell } from '../../../src/scheduler/engine/cell/cell.ts';
import type { CellDecision } from '../../../src/scheduler/engine/cell/records.ts';
import type { JobRecord } from '../../../src/scheduler/engine/cell/job-record.ts';
import { step } from '../../../src/scheduler/engine/machine/step.ts';
import { BusyCell } from '../../support/worlds/busy-cell.ts';
import type { CellWorld } from '../../support/worlds/cell-world.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { foldRecords } from '../../support/oracles/fold-records.ts';

/** As a store and a pool see them. */
const text = (decisions: readonly CellDecision[]): string => decisions.map((decision) => JSON.stringify(decision)).join('\n');

/** Where the segments of each attempt ended last, and what jobs were charged for. */
class Ledger {
  readonly #ids = new Set<string>();
  readonly #untilMs = new Map<string, number>();
  readonly costs = new Map<string, number>();

  /** Takes what a step charged. */
  post(world: CellWorld): void {
    for (const { event } of world.decided('charge')) {
      const { id, jobId, fence, fromMs, untilMs, quantity, nanoDollarsPerHour, amountNanoDollars } = event;
      assert(!this.#ids.has(id), 'an event comes once');
      this.#ids.add(id);
      const attempt = `${jobId} ${fence}`;
      assert.equal(fromMs, this.#untilMs.get(attempt) ?? fromMs, 'segments follow each other');
      this.#untilMs.set(attempt, untilMs);
      const exact = (BigInt(quantity) * BigInt(nanoDollarsPerHour)) / 3_600_000_000n;
      assert.equal(BigInt(amountNanoDollars), exact);
      this.costs.set(jobId, (this.costs.get(jobId) ?? 0) + amountNanoDollars);
    }
  }
}

/** A segment is for what the attempt has, and one that has just begun is at the price of now. */
function checkSegment(world: CellWorld, before: JobRecord | undefined, { spec, attempt }: JobRecord): void {
  const segment = attempt?.segment ?? null;
  if (attempt === null || segment === null) return;
  const { slots, demand } = attempt.placement;
  assert.equal(segment.milli, slots.length * (demand.acceleratorCount === 0 ? 1_000 : demand.acceleratorCount * demand.milliEach));
  if (segment.startedAtMs !== world.nowMs || before?.attempt?.segment === segment) return;
  const { region, market } = world.cell.fleet.pool(attempt.poolId).spec;
  const price = world.cell.prices.priceAt({ accelerator: spec.options[attempt.option]!.accelerator, region, market }, world.nowMs);
  assert.equal(segment.nanoDollarsPerHour, price ?? 0);
}

it('[J69] the cost of jobs is that of their ledger events, segment by segment, without gap or overlap', () => {
  let [charged, segments, most] = [0, 0, 0];
  for (const seed of firstSeeds(effort(24, 800))) {
    const busy = new BusyCell(seed);
    const { world } = busy;
    const ledger = new Ledger();
    for (let n = 0; n < 120; n++) {
      const before = new Map([...world.cell.jobs.all].map((job) => [job.spec.id, job]));
      world.do(busy.next());
      ledger.post(world);
      for (const job of world.cell.jobs.all) {
        const { spec, costNanoDollars, attempt } = job;
        assert.equal(costNanoDollars, ledger.costs.get(spec.id) ?? 0);
        assert.equal(
          attempt?.segment !== null && attempt !== null,
          attempt !== null && attempt.startedAtMs !== null,
          'who is on nodes is charged',
        );
        most = Math.max(most, attempt?.segment?.index ?? 0);
        checkSegment(world, before.get(spec.id), job);
      }
    }
    segments += world.history.filter(({ kind }) => kind === 'charge').length;
    charged += [...ledger.costs.values()].filter((cost) => cost > 0).length;
  }
  expect(charged).toBeGreaterThan(100);
  expect(segments).toBeGreaterThan(500);
  expect(most, 'attempts of several segments').toBeGreaterThan(2);
});

it('[J50] [J60] a cell with every kind of event decides the same when rebuilt midway, and as planned', () => {
  const seen = { rebuilt: 0, placed: 0, waits: 0 };
  // In those beyond the first, holds were gone through in the order in which they had come.
  for (const seed of firstSeeds(effort(20, 800), 134, 426, 611)) {
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
