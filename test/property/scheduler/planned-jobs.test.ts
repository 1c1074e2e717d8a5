import assert from 'node:assert/strict';
import { expect, it } from 'vitest';

import { must } from '../../../src/kernel/assert.ts';
import type { JobId, TenantId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { CohortSpec } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { ANY_NODE } from '../../../src/scheduler/served/jobs/job.ts';
import type { Job, JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import type { JobPlan } from '../../../src/scheduler/served/plan-job.ts';
import { queueOf } from '../../../src/scheduler/served/quotas/cohort-tree.ts';
import { SERVED_SETTINGS } from '../../../src/scheduler/served/served-settings.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import { statedPrice } from '../../support/worlds/priced-pools.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../support/worlds/served-cell.ts';

/** The third has no queue before its first job. */
const TENANTS = [1, 2, 3].map((n) => `tn_000000000${n}_00000001`) as [TenantId, TenantId, TenantId];
const GIVEN_BACK = { kind: 'failed', reason: 'released', message: 'asked to stop' } as const;
const DONE = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;

/** Queues whose jobs evict others: for priority within the queue, and for a fair share. */
const evicting = (tenantId: TenantId): CohortSpec => {
  const spec = queueOf(tenantId);
  const eviction = must(spec.eviction, 'a queue says how it evicts');
  return { ...spec, eviction: { ...eviction, preemptWithinQueue: true, preemptForFairShare: true, reclaimWithinCohort: true } };
};
const SETTINGS = {
  ...SERVED_SETTINGS,
  // Foreseeing starts is not what is under test, and costs the most.
  forecastEndsMax: 8,
  // What is looked at on the way depends on what sleeps: answers agree where both come to their end.
  explainLooksMax: 1_000_000,
  cohorts: [...SERVED_SETTINGS.cohorts, ...TENANTS.slice(0, 2).map(evicting)],
  headPatienceMs: 5_000,
};

const seen = { started: 0, evicting: 0, evictsOthers: 0, waiting: 0, startedLater: 0, newQueue: 0, otherPool: 0, refused: 0 };

/** All that is stored. */
function stored({ storage }: ServedCell): string {
  const tables = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").toArray();
  return JSON.stringify(tables.map(({ name }) => [name, storage.sql.exec(`SELECT * FROM "${name}"`).toArray()]));
}

class Script {
  readonly world = new ServedCell([POOL, OTHER_POOL], new NodeSql(), SETTINGS);
  readonly #rng: Seeded;
  #jobs = 0;

  constructor(seed: number) {
    this.#rng = new Seeded(seed);
    this.world.join(3, POOL);
    this.world.join(1, OTHER_POOL);
    this.world.cell.operations.setPrice(POOL, statedPrice(3_600_000));
    this.world.cell.operations.setPrice(OTHER_POOL, statedPrice(7_200_000));
  }

  #below = (count: number): number => Math.floor(this.#rng.next() * count);

  request(): JobRequest {
    const nodes = 1 + this.#below(2);
    const terms = {
      tenantId: TENANTS[this.#below(10) === 0 ? 2 : this.#below(2)]!,
      priority: [10, 50, 90][this.#below(3)]!,
      options: [{ ...ANY_NODE, nodes: { min: nodes, max: nodes, step: 1 } }],
      runtimeMaxMs: [10_000, 30_000, null][this.#below(3)]!,
      graceMs: this.#below(2) * 4_000,
      priceMaxNanoDollarsPerHour: this.#below(5) === 0 ? 3_600_000 : null,
      dependsOn: this.#below(8) === 0 ? [jobRequest(this.#below(this.#jobs + 1)).id] : [],
    };
    return jobRequest((this.#jobs += 1), terms);
  }

  /** Time passes, and some jobs end. */
  goOn(): void {
    this.world.nowMs += this.#below(4_000);
    this.obey();
    const live = this.live().filter(({ attempt }) => attempt!.stopping === null);
    const one = live[this.#below(live.length * 2)];
    if (one !== undefined) this.world.report(one.id, one.fence, DONE, one.attempt!.poolId);
    this.world.wake();
  }

  /** Agents of jobs that are asked to stop use all of their grace. */
  obey(): void {
    this.world.wake();
    for (const pool of [POOL, OTHER_POOL]) this.world.exchange(pool);
    const left = this.live().filter(({ attempt }) => this.world.kills.has(attempt!.id));
    for (const { id, fence, attempt } of left) this.world.report(id, fence, GIVEN_BACK, attempt!.poolId);
  }

  /** Attempts that are not asked to stop. */
  running(): readonly string[] {
    return this.live().flatMap(({ attempt }) => (attempt!.stopping === null ? [attempt!.id] : []));
  }

  live(): readonly Job[] {
    const ids = Array.from({ length: this.#jobs }, (_, n) => jobRequest(n + 1).id);
    return ids.flatMap((id) => this.world.cell.jobs.find(id) ?? []).filter(({ attempt }) => attempt !== null);
  }
}

/** What was planned is what happens. */
function compare(script: Script, id: JobId, plan: JobPlan): void {
  const { world } = script;
  const { tenantId } = world.job(id);
  const explained = world.cell.explain(tenantId, id);
  assert.ok(explained.ok);
  const { explanation } = explained.value;
  if (plan.waiting !== null) {
    seen.waiting += 1;
    assert.deepEqual(
      {
        jobId: id,
        ...plan.waiting,
        outlook: plan.outlook,
        lost: null,
        evicted: null,
        weights: null,
        scaling: null,
        turn: null,
        budget: null,
        reserved: [],
      },
      explanation,
    );
    return;
  }
  const stopping = script.live().filter((job) => job.attempt!.stopping !== null && plan.evicted.jobIds.includes(job.id));
  assert.equal(stopping.length, plan.evicted.jobIds.length);
  const placement = must(plan.placement, 'a job that starts has a placement');
  const evicted = plan.evicted.jobIds.length + plan.evicted.otherCount;
  if (evicted > 0) seen.evicting += 1;
  if (plan.evicted.otherCount > 0) seen.evictsOthers += 1;
  const startMs = must(placement.startMs, 'it is known when it starts');
  if (startMs > world.nowMs) {
    assert.equal(explanation.reason, 'being_placed');
    const running = script.running();
    world.nowMs = startMs - 1;
    script.obey();
    assert.equal(world.job(id).attempt, null);
    // Something else has happened: a job was at its longest run time, and those that waited before this one are looked at again.
    if (running.some((attempt) => !script.running().includes(attempt))) return;
    seen.startedLater += 1;
  }
  world.nowMs = startMs;
  script.obey();
  const { attempt } = world.job(id);
  assert.ok(attempt !== null, `${id} has started`);
  assert.deepEqual([attempt.poolId, attempt.option, attempt.startedAtMs], [placement.poolId, placement.option, startMs]);
  const grants = world.grants.filter(({ grant }) => grant.jobId === id && grant.fence === attempt.fence);
  script.obey();
  if (grants.length > 0) assert.deepEqual(grants.map(({ nodeId }) => nodeId).toSorted(), placement.nodeIds.toSorted());
  if (placement.poolId === OTHER_POOL) seen.otherPool += 1;
  seen.started += 1;
}

function planAndSubmit(seed: number): void {
  const script = new Script(seed);
  const { world } = script;
  for (let n = 0; n < 40; n++) {
    script.goOn();
    const request = script.request();
    const [before, dueMs] = [stored(world), world.cell.nextDueMs()];
    if (request.tenantId === TENANTS[2] && world.cell.jobs.openCount(TENANTS[2]) === 0) seen.newQueue += 1;
    const planned = world.cell.plan(request);
    assert.equal(stored(world), before);
    assert.equal(world.cell.nextDueMs(), dueMs);
    const submitted = world.cell.submit(request);
    world.fund();
    assert.equal(planned.ok, submitted.ok);
    if (planned.ok) compare(script, request.id, planned.value);
    else seen.refused += 1;
  }
}

it('[J103] a plan is what a submission leads to: where, when, which jobs it evicts, why it waits', () => {
  for (const seed of firstSeeds(effort(7, 240), 130, 146)) planAndSubmit(seed);
  for (const [what, times] of Object.entries(seen)) expect(times, `${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(5);
});

it('[J103] a cell that plans decides as one that does not', () => {
  const lastOf = (seed: number, plans: boolean): string => {
    const script = new Script(seed);
    const { world } = script;
    for (let n = 0; n < 40; n++) {
      script.goOn();
      const request = script.request();
      if (plans) for (const tenantId of TENANTS) world.cell.plan({ ...request, tenantId });
      world.cell.submit(request);
      world.fund();
    }
    return stored(world);
  };
  for (const seed of firstSeeds(effort(3, 80))) assert.equal(lastOf(seed, true), lastOf(seed, false), `seed ${seed}`);
});
