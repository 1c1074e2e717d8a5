import { describe, expect, it } from 'vitest';

import type { AttemptNews, FailureReason, Serving } from '../../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { SqliteCellStore } from '../../../../src/scheduler/served/sqlite-cell-store.ts';
import { DEFAULT_TERMS } from '../../../../src/scheduler/served/jobs/job.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const progress = { completed: 0, failed: 0, total: null };
const at = (url: string, isHealthy = true): Serving => ({ url, key: 'k'.repeat(43), isHealthy });
const alive = (serving?: Serving): AttemptNews => ({ kind: 'progress', progress, ...(serving === undefined ? {} : { serving }) });
const failed = (reason: FailureReason): AttemptNews => ({ kind: 'failed', reason, message: reason });

/** A group of two on two agents that offer it, and what its replicas say. */
function group() {
  const world = new ServedCell();
  const options = DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 2, max: 2, step: 1 } }));
  const offered = { kinds: ['online_inference'] as const };
  const job = world.submit(1, { work: { kind: 'online_inference', model: 'm' }, options });
  world.join(1, POOL, offered);
  world.join(1, POOL, offered);
  const say = (number: number, news: AttemptNews) => world.exchange(POOL, { reports: [{ jobId: job, fence: 1, rank: number, ...news }] });
  const replicas = () => world.job(job).attempt?.group?.members.map(({ number, serving }) => [number, serving?.url, serving?.isHealthy]);
  const started = () => world.grants.map(({ grant }) => grant.attemptId.slice(`att_${job.slice(4)}_`.length));
  return { world, job, say, replicas, started, offered };
}

describe('[J213] a group of replicas', () => {
  it('runs once one of them does, and shows where each serves, also after memory was lost', () => {
    const { world, job, say, replicas } = group();
    expect([world.job(job).state, replicas()]).toEqual([
      'starting',
      [
        [0, undefined, undefined],
        [1, undefined, undefined],
      ],
    ]);
    expect(say(1, alive()).verdicts).toEqual(['continue']);
    expect(world.job(job).state).toBe('running');
    say(1, alive(at('http://b:1')));
    say(0, alive(at('http://a:1')));
    say(1, alive(at('http://b:1', false)));
    world.loseMemory();
    expect(replicas()).toEqual([
      [0, 'http://a:1', true],
      [1, 'http://b:1', false],
    ]);
  });

  it('goes on without one that is lost, whose successor has another number', () => {
    const { world, job, say, replicas, started, offered } = group();
    for (const number of [0, 1]) say(number, alive(at(`http://${number}:1`)));
    const lost = world.grants[0]!.nodeId;
    const reports = [{ jobId: job, fence: 1, rank: 0, ...failed('lease_expired') }];
    expect(world.exchange(POOL, { reports, left: [{ nodeId: lost, isLost: true }] }).verdicts).toEqual(['accepted']);
    expect([world.job(job).state, world.job(job).failures, replicas()]).toEqual(['running', 0, [[1, 'http://1:1', true]]]);
    world.nowMs += 1;
    world.join(1, POOL, offered);
    expect(started()).toEqual(['1', '1_1', '1_2']);
    say(2, alive(at('http://c:1')));
    expect(replicas()).toEqual([
      [1, 'http://1:1', true],
      [2, 'http://c:1', true],
    ]);
    expect(say(0, alive(at('http://0:1'))).verdicts, 'it comes back').toEqual(['stale']);
  });

  it('is tried again as a whole when the last is lost, and fails at once where none could do better', () => {
    const { world, job, say } = group();
    for (const number of [0, 1]) say(number, alive());
    for (const [number, { nodeId }] of world.grants.slice(0, 2).entries()) {
      const reports = [{ jobId: job, fence: 1, rank: number, ...failed('lease_expired') }];
      world.exchange(POOL, { reports, left: [{ nodeId, isLost: true }] });
    }
    expect(world.job(job).ended.map(({ outcome }) => outcome)).toEqual(['lease_expired']);
    const other = group();
    for (const number of [0, 1]) other.say(number, alive());
    other.say(1, failed('input_missing'));
    expect(other.world.job(other.job)).toMatchObject({ state: 'failed', error: { reason: 'input_missing' } });
  });

  it('counts replicas that fail by themselves, and ends with too many of them', () => {
    const { world, job, say } = group();
    for (let number = 0; world.job(job).state !== 'failed' && number < 20; number += 1) {
      say(number, alive());
      say(number, failed('agent_error'));
    }
    expect(world.job(job)).toMatchObject({ state: 'failed', failures: world.job(job).attemptsMax });
  });

  it('[J211] lets a replica leave as its agent is drained, and tells the others nothing of it', () => {
    const { world, job, say } = group();
    for (const number of [0, 1]) say(number, alive());
    expect(world.cell.operations.order(POOL, world.grants[1]!.nodeId, 'drain')).toMatchObject({ ok: true });
    const effects = world.exchange(POOL).effects.map(({ effect }) => effect);
    expect(effects.map((effect) => [effect.kind, 'attemptId' in effect ? effect.attemptId.split('_').at(-1) : ''])).toEqual([
      ['leave', '1'],
      ['regroup', '1'],
    ]);
    expect(world.job(job)).toMatchObject({ state: 'running', attempt: { nodes: 1 } });
  });
});

describe('[J219] replicas that follow their load', () => {
  const scaling = { outstanding_per_replica: 2, scale_down_delay_s: 5 };

  /** A job of one to three replicas on agents that offer it. */
  function scaled(agents = 3) {
    const world = new ServedCell();
    const options = DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 1, max: 3, step: 1 } }));
    const id = world.submit(1, { work: { kind: 'online_inference', model: 'm', scaling }, options });
    world.join(agents, POOL, { kinds: ['online_inference'] });
    const numbers = () => world.job(id).attempt?.group?.members.map(({ number }) => number);
    const says = (number: number, outstandingMilli: number) =>
      world.exchange(POOL, {
        reports: [{ jobId: id, fence: 1, rank: number, ...alive({ ...at(`http://${number}:1`), outstandingMilli }) }],
      });
    const why = () => {
      const explained = world.cell.explain(world.job(id).tenantId, id);
      return explained.ok ? explained.value.explanation.scaling : null;
    };
    const pass = (ms: number) => {
      world.nowMs += ms;
      world.wake();
    };
    return { world, id, numbers, says, why, pass };
  }

  it('are as many as it takes for each to have what it is to have, and says why', () => {
    const { world, id, numbers, says, why, pass } = scaled();
    expect([numbers(), why()?.reason]).toEqual([[0], 'not_measured']);
    says(0, 500);
    expect([numbers(), why()]).toEqual([
      [0],
      { replicas: 1, wanted: 1, outstandingMilli: 500, outstandingPerReplicaMilli: 2_000, reason: 'load', fewerAtMs: null },
    ]);
    says(0, 3_900);
    expect([numbers(), why()?.reason]).toEqual([[0, 1], 'load']);
    says(1, 3_000);
    expect([numbers(), why()]).toEqual([[0, 1, 2], { ...why(), wanted: 3, outstandingMilli: 6_900, reason: 'most' }]);
    says(0, 0);
    says(1, 0);
    const fewerAtMs = world.nowMs + 5_000;
    expect([numbers(), why()]).toEqual([[0, 1, 2], { ...why(), wanted: 3, reason: 'scale_down_delay', fewerAtMs }]);
    world.loseMemory();
    pass(5_000);
    // The load had asked for two, with what the second had to do, for a moment.
    expect([numbers(), why()?.wanted]).toEqual([[0, 1], 2]);
    const leaving = world
      .exchange(POOL)
      .effects.flatMap(({ effect }) => (effect.kind === 'leave' ? [effect.attemptId.split('_').at(-1)] : []));
    expect(leaving).toEqual(['2']);
    world.exchange(POOL, { reports: [{ jobId: id, fence: 1, rank: 2, ...failed('released') }] });
    pass(5_000);
    expect([numbers(), why()]).toEqual([[0], { ...why(), replicas: 1, outstandingMilli: 0, reason: 'least', fewerAtMs: null }]);
  });

  it('tells the engine of a load only when it is another, and forgets that of a replica that is lost', () => {
    const { world, id, says, why } = scaled();
    const loads = () => new SqliteCellStore(world.storage).events().flatMap(({ events }) => events.filter(({ kind }) => kind === 'load'));
    says(0, 3_000);
    says(0, 3_000);
    says(1, 1_000);
    expect(loads()).toMatchObject([{ load: { outstandingMilli: 3_000 } }, { load: { outstandingMilli: 4_000 } }]);
    const { nodeId } = world.grants[0]!;
    world.exchange(POOL, { reports: [{ jobId: id, fence: 1, rank: 0, ...failed('lease_expired') }], left: [{ nodeId, isLost: true }] });
    expect(why()?.outstandingMilli).toBe(1_000);
  });

  it('say that there are no more nodes, and get one as soon as there is', () => {
    const { world, numbers, says, why } = scaled(1);
    says(0, 6_000);
    expect(why()).toMatchObject({ replicas: 1, wanted: 3, reason: 'no_more_nodes' });
    world.join(1, POOL, { kinds: ['online_inference'] });
    expect(numbers()).toEqual([0, 1]);
  });

  it('are not resized by hand, and nothing is measured of those that can be', () => {
    const { world, id } = scaled();
    const { tenantId } = world.job(id);
    expect(world.cell.act(tenantId, id, { kind: 'resize', nodes: 2 })).toMatchObject({
      error: { code: 'state_conflict', path: ['nodes'] },
    });
    const other = group();
    other.say(0, alive({ ...at('http://0:1'), outstandingMilli: 9_000 }));
    other.say(0, alive({ ...at('http://0:1'), outstandingMilli: 1_000 }));
    expect(other.world.job(other.job).attempt?.group?.members[0]?.serving?.outstandingMilli).toBe(9_000);
    const explained = other.world.cell.explain(tenantId, other.job);
    expect(explained).toMatchObject({ ok: true, value: { explanation: { scaling: null } } });
  });
});

it('[J361] the last replica that may leave stays until calls that wait for it have seen it', () => {
  const world = new ServedCell();
  const scaling = { outstanding_per_replica: 1, scale_down_delay_s: 0, min: 0 } as const;
  const job = world.submit(1, { work: { kind: 'online_inference', model: 'm', scaling } });
  world.join(1, POOL, { kinds: ['online_inference'] as const });
  world.fund();
  world.cell.act(world.job(job).tenantId, job, { kind: 'wake' });
  world.fund();
  world.exchange(POOL);
  world.exchange(POOL, { reports: [{ jobId: job, fence: 1, rank: 0, ...alive({ ...at('http://a:1'), outstandingMilli: 0 }) }] });
  const stateAfter = (ms: number) => {
    world.nowMs += ms;
    world.wake();
    return world.job(job).state;
  };
  expect([stateAfter(JOB_LIMITS.replicaIdleMinMs - 1), stateAfter(1)]).toEqual(['running', 'stopping']);
  expect(JOB_LIMITS.replicaIdleMinMs).toBeGreaterThan(JOB_LIMITS.replicaViewMs);
});

describe('[J338] a job that may have no replica', () => {
  const scaling = { outstanding_per_replica: 1, scale_down_delay_s: 5, min: 0 } as const;

  it('has none before its first call, one after it, and none again after its delay, at no cost while it has none', () => {
    const world = new ServedCell();
    const job = world.submit(1, { work: { kind: 'online_inference', model: 'm', scaling } });
    const { tenantId } = world.job(job);
    world.join(1, POOL, { kinds: ['online_inference'] as const });
    world.fund();
    expect([world.job(job).state, world.grants]).toEqual(['pending', []]);
    const reason = () => {
      const explained = world.cell.explain(tenantId, job);
      return explained.ok ? explained.value.explanation.reason : explained;
    };
    expect(reason()).toBe('scaled_to_zero');
    expect(world.cell.act(tenantId, job, { kind: 'wake' })).toMatchObject({ ok: true });
    world.fund();
    world.exchange(POOL);
    expect([world.job(job).state, world.grants.length]).toEqual(['starting', 1]);
    const say = (news: AttemptNews) => world.exchange(POOL, { reports: [{ jobId: job, fence: 1, rank: 0, ...news }] });
    say(alive({ ...at('http://a:1'), outstandingMilli: 0 }));
    const steps = world.job(job).eventCount;
    // Another call changes nothing: it has one.
    world.cell.act(tenantId, job, { kind: 'wake' });
    expect(world.job(job).eventCount).toBe(steps);
    world.nowMs += 5_000;
    world.wake();
    expect(world.job(job)).toMatchObject({ state: 'stopping', attempt: { stopping: 'scaled_to_zero' } });
    say({ kind: 'failed', reason: 'released', message: 'asked to stop' });
    world.loseMemory();
    expect(world.job(job)).toMatchObject({ state: 'pending', attempt: null, finishedAtMs: null });
    expect(reason()).toBe('scaled_to_zero');
    const charged = JSON.stringify(world.cell.history.segments(job, 100));
    world.nowMs += 3_600_000;
    world.wake();
    expect(JSON.stringify(world.cell.history.segments(job, 100))).toBe(charged);
    expect(world.cell.act(tenantId, job, { kind: 'wake' })).toMatchObject({ ok: true });
    expect(world.cell.jobs.find(job)?.nodesWanted).toBe(1);
    expect(world.cell.act('tn_0000000009_00000009' as typeof tenantId, job, { kind: 'wake' })).toMatchObject({
      error: { code: 'job_not_found' },
    });
  });
});
