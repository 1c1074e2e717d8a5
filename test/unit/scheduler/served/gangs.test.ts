import { describe, expect, it } from 'vitest';

import type { AttemptNews } from '../../../../src/contract/attempt.ts';
import type { Program } from '../../../../src/contract/job-work.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { DEFAULT_TERMS } from '../../../../src/scheduler/served/default-terms.ts';
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
    world.nowMs += LIMITS.jobGraceMs + 1;
    world.cell.wake();
    const kills = world.exchange(POOL).effects.map(({ effect }) => effect);
    expect(kills).toMatchObject([
      { kind: 'kill', attemptId: `att_${job.slice(4)}_1` },
      { kind: 'kill', attemptId: `att_${job.slice(4)}_1_1` },
    ]);
  });
});
