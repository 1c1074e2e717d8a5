import { describe, expect, it } from 'vitest';

import type { Checkpoint } from '../../../../src/contract/jobs/attempt.ts';
import type { Program } from '../../../../src/contract/jobs/job-work.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { DEFAULT_TERMS } from '../../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const WORK: Program = { kind: 'command', argv: ['true'], environment: {}, inputs: [], outputs: [], limits: {} };
const TENANT = jobRequest(1).tenantId;
const PROGRESS = { completed: 0, failed: 0, total: 1 };
const RACK = { level: 'rack', mode: 'required', block: false } as const;
const checkpoint = (n: number): Checkpoint => ({ file: `file_saved_${n}` as FileId, bytes: n, sha256: `${n}` });

describe('jobs that run programs', () => {
  it('[J135] start only on agents that run them, whatever topology they ask for', () => {
    const world = new ServedCell();
    const anywhere = world.submit(1, { work: WORK });
    const racked = world.submit(2, { work: WORK, options: DEFAULT_TERMS.options.map((option) => ({ ...option, topology: RACK })) });
    expect(world.join(2, POOL, { domains: { rack: 'r1' } })).toEqual([]);
    expect(world.cell.explain(TENANT, anywhere)).toMatchObject({ value: { explanation: { reason: 'kind_not_offered' } } });
    expect(world.join(1, POOL, { kinds: ['command'] }).map(({ jobId }) => jobId)).toEqual([anywhere]);
    expect(world.join(1, OTHER_POOL, { kinds: ['batch_embedding', 'command'] })).toEqual([]);
    const { value } = world.cell.explain(TENANT, racked) as { value: { explanation: { reason: string } } };
    expect(value.explanation.reason).not.toBe('not_waiting');
    expect(world.join(1, OTHER_POOL, { kinds: ['command'], domains: { rack: 'r9' } }).map(({ jobId }) => jobId)).toEqual([racked]);
  });

  it('[J135] other jobs start on agents that run programs, too', () => {
    const world = new ServedCell();
    const job = world.submit(1);
    expect(world.join(1, POOL, { kinds: ['command', 'batch_embedding'] }).map(({ jobId }) => jobId)).toEqual([job]);
  });

  it('[J138] begin with what their newest attempt has saved; a late one saves nothing', () => {
    const world = new ServedCell();
    const job = world.submit(1, { work: WORK });
    const [first] = world.join(1, POOL, { kinds: ['command'] });
    expect(first?.checkpoint).toBeNull();
    world.report(job, 1, { kind: 'progress', progress: PROGRESS });
    expect(world.report(job, 1, { kind: 'saved', checkpoint: checkpoint(1) })).toBe('accepted');
    expect(world.report(job, 1, { kind: 'saved', checkpoint: checkpoint(2) })).toBe('accepted');
    world.loseMemory();
    world.end(job, 1, { kind: 'failed', reason: 'lease_expired', message: '' });
    const [second] = world.join(1, POOL, { kinds: ['command'] });
    expect(second).toMatchObject({ fence: 2, checkpoint: checkpoint(2) });
    expect(world.report(job, 1, { kind: 'saved', checkpoint: checkpoint(3) })).toBe('stale');
    expect(world.job(job).checkpoint).toEqual(checkpoint(2));
    const outputs = [{ path: 'out', file: 'file_out' as FileId, bytes: 1, sha256: 'x' }];
    world.end(job, 2, { kind: 'completed', progress: PROGRESS, tokens: 0, outputs });
    const done = world.job(job);
    expect([done.state, done.checkpoint, done.outputFile, done.outputs]).toEqual(['succeeded', undefined, 'file_out', outputs]);
  });

  it('[J136] keep the exit code of each attempt, and of the one they failed with', () => {
    const world = new ServedCell();
    const job = world.submit(1, { work: WORK, attemptsMax: 2 });
    for (const [fence, exitCode] of [
      [1, 3],
      [2, 4],
    ] as const) {
      world.join(1, POOL, { kinds: ['command'] });
      world.end(job, fence, { kind: 'failed', reason: 'command_failed', message: 'exited', exitCode });
    }
    const { ended, error, state } = world.job(job);
    expect([state, ended.map((attempt) => attempt.exitCode), error]).toEqual([
      'failed',
      [3, 4],
      { reason: 'command_failed', message: 'exited', exitCode: 4 },
    ]);
  });
});
