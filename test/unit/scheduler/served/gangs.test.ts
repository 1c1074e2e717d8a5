import { describe, expect, it } from 'vitest';

import type { AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import type { Program } from '../../../../src/contract/jobs/job-work.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { DEFAULT_TERMS } from '../../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const WORK: Program = { kind: 'training', argv: ['train'], environment: {}, inputs: [], outputs: ['model'], limits: {} };
const options = DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 2, max: 2, step: 1 } }));
const alive = (done = 0): AttemptNews => ({ kind: 'progress', progress: { completed: done, failed: 0, total: 1 } });
const failed: AttemptNews = { kind: 'failed', reason: 'command_failed', message: 'exited', exitCode: 1 };
const outputs = [{ path: 'model', file: 'file_model' as FileId, bytes: 1, sha256: 'x' }];
const completed: AttemptNews = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 0, outputs };

/** A gang of two that was handed over, and what its members say. */
function gang() {
  const world = new ServedCell();
  const job = world.submit(1, { work: WORK, options });
  expect(world.join(1, POOL, { kinds: ['training'] })).toEqual([]);
  const grants = world.join(1, POOL, { kinds: ['training'] });
  const say = (rank: number, news: AttemptNews, fence = 1) => world.exchange(POOL, { reports: [{ jobId: job, fence, rank, ...news }] });
  return { world, job, grants, say };
}

describe('a gang', () => {
  it('[J139] starts once there are nodes for all its members, each with its rank', () => {
    const { grants, job, world } = gang();
    expect(grants.map(({ attemptId, rank, worldSize, fence }) => [attemptId, rank, worldSize, fence])).toEqual([
      [`att_${job.slice(4)}_1`, 0, 2, 1],
      [`att_${job.slice(4)}_1_1`, 1, 2, 1],
    ]);
    expect(new Set(world.grants.map(({ nodeId }) => nodeId)).size).toBe(2);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('[J139] runs once all its members do: first %i, then %i', (first, last) => {
    const { world, job, say } = gang();
    expect(say(first, alive()).verdicts).toEqual(['continue']);
    expect(world.job(job).state).toBe('starting');
    say(first, alive());
    world.loseMemory();
    expect(world.job(job).state).toBe('starting');
    expect(say(last, alive()).verdicts).toEqual(['continue']);
    expect(world.job(job).state).toBe('running');
  });

  it('[J139] has the progress, the checkpoint and the completion of rank 0', () => {
    const { world, job, say } = gang();
    for (const rank of [0, 1]) say(rank, alive());
    say(1, alive(1));
    expect(world.job(job).progress.completed).toBe(0);
    const checkpoint = { file: 'file_saved' as FileId, bytes: 1, sha256: 'y' };
    say(1, { kind: 'saved', checkpoint });
    expect(world.job(job).checkpoint).toBeUndefined();
    say(0, { kind: 'saved', checkpoint });
    expect(world.job(job).checkpoint).toEqual(checkpoint);
    say(1, completed);
    expect(world.job(job).state).toBe('running');
    expect(say(0, completed).verdicts).toEqual(['accepted']);
    expect(world.job(job)).toMatchObject({ state: 'succeeded', outputs });
    expect(say(1, alive()).verdicts).toEqual(['stale']);
  });

  it('[J139] ends with the first member that fails; the others are stale, and all start again', () => {
    const { world, job, say } = gang();
    for (const rank of [0, 1]) say(rank, alive());
    expect(say(1, failed).verdicts).toEqual(['accepted']);
    expect(say(0, completed).verdicts).toEqual(['stale']);
    const again = world.grants.slice(2);
    expect(again.map(({ grant }) => [grant.fence, grant.rank])).toEqual([
      [2, 0],
      [2, 1],
    ]);
    expect(world.job(job).ended).toMatchObject([{ fence: 1, outcome: 'command_failed', exitCode: 1 }]);
  });

  it('[J139] is asked to stop as a whole, and killed as a whole', () => {
    const { world, job, say } = gang();
    for (const rank of [0, 1]) say(rank, alive());
    world.cell.act(jobRequest(1).tenantId, job, { kind: 'cancel' });
    expect(world.exchange(POOL).effects.map(({ effect }) => effect)).toMatchObject([
      { kind: 'stop', attemptId: `att_${job.slice(4)}_1`, command: 'cancel' },
      { kind: 'stop', attemptId: `att_${job.slice(4)}_1_1`, command: 'cancel' },
    ]);
    world.nowMs += JOB_LIMITS.jobGraceMs + 1;
    world.cell.wake();
    const kills = world.exchange(POOL).effects.map(({ effect }) => effect);
    expect(kills).toMatchObject([
      { kind: 'kill', attemptId: `att_${job.slice(4)}_1` },
      { kind: 'kill', attemptId: `att_${job.slice(4)}_1_1` },
    ]);
  });
});

/** A gang of one to four on three nodes, which runs. */
function elasticGang(count = 3) {
  const world = new ServedCell();
  const elastic = DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: 1, max: 4, step: 1 } }));
  world.join(count, POOL, { kinds: ['training'] });
  const job = world.submit(1, { work: WORK, options: elastic });
  world.exchange(POOL);
  const say = (member: number, news: AttemptNews) => world.exchange(POOL, { reports: [{ jobId: job, fence: 1, rank: member, ...news }] });
  for (let member = 0; member < count; member += 1) say(member, alive());
  const resize = (nodes: number) => {
    const { tenantId } = jobRequest(1);
    expect(world.cell.act(tenantId, job, { kind: 'resize', nodes })).toMatchObject({ ok: true });
    return effects();
  };
  const effects = () => world.exchange(POOL).effects.map(({ effect }) => effect);
  const attempt = (member: number) => `att_${job.slice(4)}_1${member === 0 ? '' : `_${member}`}`;
  const live = () => {
    const { state, attempt: now } = world.job(job);
    return { state, nodes: now?.nodes, members: now?.group?.members.map(({ number }) => number), leaving: now?.group?.leaving };
  };
  return { world, job, say, resize, effects, attempt, live };
}

const released: AttemptNews = { kind: 'failed', reason: 'released', message: 'stopped' };

describe('a gang whose size may change', () => {
  it('[J211] shrinks: the members that leave have their grace, the others learn what they are now', () => {
    const { resize, attempt, live, say, world } = elasticGang();
    expect(live()).toEqual({ state: 'running', nodes: 3, members: [0, 1, 2], leaving: [] });
    expect(resize(2)).toEqual([
      { kind: 'leave', attemptId: attempt(2), graceMs: JOB_LIMITS.jobGraceMs },
      { kind: 'regroup', attemptId: attempt(0), version: 1, rank: 0, worldSize: 2 },
      { kind: 'regroup', attemptId: attempt(1), version: 1, rank: 1, worldSize: 2 },
    ]);
    expect(live()).toEqual({ state: 'running', nodes: 2, members: [0, 1], leaving: [2] });
    expect(say(2, alive()).verdicts).toEqual(['continue']);
    expect(say(2, completed).verdicts, 'it has left').toEqual(['accepted']);
    world.loseMemory();
    expect(live()).toEqual({ state: 'running', nodes: 2, members: [0, 1], leaving: [] });
    expect(say(2, released).verdicts, 'it is no member').toEqual(['stale']);
    expect(say(0, completed).verdicts).toEqual(['accepted']);
    expect(live().state).toBe('succeeded');
  });

  it('[J210] [J211] applies a second resize once the members that were to leave have', () => {
    const { resize, attempt, live, say, effects } = elasticGang();
    resize(2);
    expect(resize(1)).toEqual([]);
    expect(live()).toMatchObject({ nodes: 2, leaving: [2] });
    say(2, { kind: 'failed', reason: 'lease_expired', message: 'silent' });
    effects();
    expect(live()).toEqual({ state: 'running', nodes: 1, members: [0], leaving: [1] });
    say(1, released);
    const grown = resize(3);
    expect(
      grown.map((effect) => (effect.kind === 'start' ? [effect.grant.attemptId, effect.grant.rank, effect.grant.version] : effect)),
    ).toEqual([{ kind: 'regroup', attemptId: attempt(0), version: 3, rank: 0, worldSize: 3 }, [attempt(3), 1, 3], [attempt(4), 2, 3]]);
    expect(live()).toEqual({ state: 'running', nodes: 3, members: [0, 3, 4], leaving: [] });
  });

  it('[J211] [J32] keeps from others the nodes that it gives up until the last of its members has left', () => {
    const { resize, say, world } = elasticGang();
    resize(1);
    const other = world.submit(2, { work: WORK, options });
    expect(world.job(other).state).toBe('pending');
    say(1, released);
    expect(world.grants).toHaveLength(3);
    say(2, released);
    expect(world.grants.slice(3).map(({ grant }) => [grant.jobId, grant.rank])).toEqual([
      [other, 0],
      [other, 1],
    ]);
  });

  it('[J211] ends as a whole with a member that fails, one that has joined included', () => {
    const { resize, say, job, world, live } = elasticGang(2);
    world.join(1, POOL, { kinds: ['training'] });
    expect(live()).toMatchObject({ nodes: 3, members: [0, 1, 2] });
    resize(3);
    expect(say(2, failed).verdicts).toEqual(['accepted']);
    expect(world.job(job).ended).toMatchObject([{ fence: 1, outcome: 'command_failed' }]);
  });

  it('[J211] is charged segment by segment for the nodes that it has', () => {
    const { resize, say, world, job } = elasticGang();
    world.nowMs += 5_000;
    resize(1);
    world.nowMs += 5_000;
    say(0, completed);
    expect(world.job(job).acceleratorMs).toBe(3 * 5_000 + 5_000);
  });
});
