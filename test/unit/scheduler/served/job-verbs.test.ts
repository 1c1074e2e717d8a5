import { describe, expect, it } from 'vitest';

import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import type { JobVerb } from '../../../../src/scheduler/served/job-verbs.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { ServedCell } from '../../../support/worlds/served-cell.ts';

const DONE = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 1 } as const;
const RELEASED = { kind: 'failed', reason: 'released', message: '' } as const;
const PROGRESS = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
const ELASTIC = { options: [{ ...ANY_NODE, nodes: { min: 1, max: 5, step: 2 } }] };
const TENANT = jobRequest(1).tenantId;

class World extends ServedCell {
  act(id: JobId, verb: JobVerb): Job {
    const done = this.cell.act(TENANT, id, verb);
    if (!done.ok) throw new Error(done.error.message);
    this.fund();
    return this.job(id);
  }

  /** A job that runs. */
  running(n: number, terms: object = {}): JobId {
    const id = this.submit(n, terms);
    this.nowMs += 1;
    this.join();
    this.report(id, this.job(id).fence, PROGRESS);
    expect(this.job(id).state).toBe('running');
    return id;
  }
}

describe('suspending', () => {
  it('[J95] keeps a waiting job from starting until it is resumed, whatever memory is lost', () => {
    const world = new World();
    const [id, other] = [world.submit(1), world.submit(2)];
    expect(world.act(id, { kind: 'suspend' }).state).toBe('suspended');
    world.loseMemory();
    expect(world.join(2).map(({ jobId }) => jobId)).toEqual([other]);
    expect(world.act(id, { kind: 'resume' }).state).toBe('starting');
    expect(world.job(id)).toMatchObject({ failures: 0, fence: 1 });
  });

  it('[J95] asks a running job to stop; it waits then, and goes on when it is resumed', () => {
    const world = new World();
    const id = world.running(1);
    expect(world.act(id, { kind: 'suspend' })).toMatchObject({ state: 'stopping', attempt: { stopping: 'suspended' } });
    expect(world.report(id, 1, PROGRESS)).toBe('stop');
    world.end(id, 1, RELEASED);
    expect(world.job(id)).toMatchObject({ state: 'suspended', ended: [{ fence: 1, outcome: 'released', stoppedFor: 'suspended' }] });
    world.nowMs += 1;
    expect(world.join()).toEqual([]);
    expect(world.act(id, { kind: 'resume' })).toMatchObject({ state: 'starting', fence: 2 });
  });

  it('[J95] a suspended job can be cancelled, and its deadline still ends it', () => {
    const world = new World();
    const [id, late] = [world.submit(1), world.submit(2, { deadlineAtMs: world.nowMs + 1_000 })];
    for (const job of [id, late]) world.act(job, { kind: 'suspend' });
    expect(world.act(id, { kind: 'cancel' }).state).toBe('cancelled');
    world.nowMs += 1_000;
    world.cell.wake();
    expect(world.job(late)).toMatchObject({ state: 'failed', error: { reason: 'deadline_exceeded' } });
  });
});

describe('preempting', () => {
  it('[J95] takes the nodes after the grace, once; the job waits and runs again', () => {
    const world = new World();
    const id = world.running(1, { graceMs: 5_000 });
    expect(world.act(id, { kind: 'preempt', fence: null }).state).toBe('stopping');
    expect(world.exchange(world.grants[0]!.poolId).effects).toMatchObject([{ effect: { kind: 'stop', command: 'stop' } }]);
    world.nowMs += 4_999;
    world.cell.wake();
    expect(world.exchange(world.grants[0]!.poolId).effects).toEqual([]);
    world.nowMs += 1;
    world.cell.wake();
    expect(world.exchange(world.grants[0]!.poolId).effects).toMatchObject([{ effect: { kind: 'kill' } }]);
    world.report(id, 1, RELEASED);
    expect(world.job(id)).toMatchObject({ state: 'starting', fence: 2, failures: 0 });
    // The same command again is about the attempt that is over.
    expect(world.act(id, { kind: 'preempt', fence: 1 })).toMatchObject({ state: 'starting', fence: 2 });
    expect(world.act(id, { kind: 'preempt', fence: 2 })).toMatchObject({ state: 'stopping' });
  });
});

describe('resizing', () => {
  it('[J95] an elastic job has as many nodes as its owner wants, within its range', () => {
    const world = new World();
    const id = world.submit(1, ELASTIC);
    world.join(6);
    expect(world.job(id).attempt?.nodes).toBe(5);
    expect(world.act(id, { kind: 'resize', nodes: 3 })).toMatchObject({ nodesWanted: 3, attempt: { nodes: 3 } });
    for (const [nodes, code] of [
      [4, 'invalid_value'],
      [7, 'limit_exceeded'],
    ] as const) {
      const refused = world.cell.act(TENANT, id, { kind: 'resize', nodes });
      expect(refused).toMatchObject({ error: { code, path: ['nodes'] } });
    }
    expect(world.cell.act(TENANT, id, { kind: 'resize', nodes: 7 })).toMatchObject({ error: { limit: { bound: 5 }, value: 7 } });
  });

  it('[J95] a job that waits starts with as many as its owner wants', () => {
    const world = new World();
    const id = world.submit(1, ELASTIC);
    world.act(id, { kind: 'resize', nodes: 3 });
    world.loseMemory();
    world.join(6);
    expect(world.job(id).attempt?.nodes).toBe(3);
  });
});

describe('reprioritising', () => {
  it('[J95] moves a waiting job in its queue, and is shown as it was given', () => {
    const world = new World();
    const [first, second] = [world.submit(1), world.submit(2)];
    expect(world.act(second, { kind: 'reprioritise', priority: 'high' }).priority).toBe('high');
    world.loseMemory();
    expect(world.join()).toMatchObject([{ jobId: second }]);
    expect(world.job(first).priority).toBe('normal');
    world.act(second, { kind: 'reprioritise', priority: 3 });
    world.end(second, 1, DONE);
    expect(world.job(second)).toMatchObject({ state: 'succeeded', priority: 3 });
  });
});

describe('every verb', () => {
  const VERBS: readonly JobVerb[] = [
    { kind: 'suspend' },
    { kind: 'resume' },
    { kind: 'preempt', fence: null },
    { kind: 'resize', nodes: 1 },
    { kind: 'reprioritise', priority: 7 },
  ];

  it.each(VERBS)('[J95] $kind changes nothing when it is repeated', (verb) => {
    for (const make of [(world: World) => world.submit(1), (world: World) => world.running(1)]) {
      const world = new World();
      const id = make(world);
      const once = world.act(id, verb);
      const events = world.cell.history.events(id, 0);
      expect(world.act(id, verb)).toEqual(once);
      expect(world.cell.history.events(id, 0)).toEqual(events);
    }
  });

  it.each(VERBS)('[J95] $kind is refused of a job that is over or being cancelled; cancelling is not', (verb) => {
    const world = new World();
    const [over, cancelling] = [world.running(1), world.running(2)];
    world.end(over, 1, DONE);
    world.act(cancelling, { kind: 'cancel' });
    for (const id of [over, cancelling]) {
      const before = world.job(id);
      expect(world.cell.act(TENANT, id, verb)).toMatchObject({ error: { code: 'state_conflict' } });
      expect(world.act(id, { kind: 'cancel' })).toEqual(before);
      expect(world.job(id)).toEqual(before);
    }
  });

  it.each(VERBS)('[J10] $kind of a job of another tenant is refused', (verb) => {
    const world = new World();
    const id = world.submit(1);
    expect(world.cell.act('tn_other' as TenantId, id, verb)).toMatchObject({ error: { code: 'job_not_found' } });
  });
});
