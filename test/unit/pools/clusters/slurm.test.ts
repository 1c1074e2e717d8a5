import { describe, expect, it } from 'vitest';

import type { AttemptId, PoolId } from '../../../../src/kernel/ids.ts';
import { slurmJob, slurmRecords, slurmSubmission, slurmUsableNodes, slurmVersion } from '../../../../src/pools/clusters/slurm.ts';

const POOL = 'pool_0123456789' as PoolId;
const ATTEMPT = `att_${'0'.repeat(26)}_3` as AttemptId;

/** A job as slurmrestd 24.11 shows it; a hundred other fields left out. */
const shown = (job_state: readonly string[], over: object = {}) => ({
  jobs: [{ job_id: 7, name: ATTEMPT, comment: `sluice ${POOL}`, job_state, state_reason: 'None', ...over }],
});
const phase = (...states: readonly string[]) => slurmRecords(shown(states), POOL)[0]?.job?.phase;

describe('slurmrestd', () => {
  it('[P74] is spoken to in the newest version that both know', () => {
    const paths = (...versions: readonly number[]) => ({
      paths: Object.fromEntries(versions.map((v) => [`/slurm/v0.0.${v}/job/submit`, {}])),
    });
    expect(slurmVersion(paths(40, 42, 41))).toBe('v0.0.42');
    expect(slurmVersion(paths(46, 47))).toBe('v0.0.46');
    expect(slurmVersion(paths(39, 47))).toBeUndefined();
    expect(() => slurmVersion(undefined)).toThrow('expected object');
  });

  it('[P62] [P68] gets a job named after its attempt, marked with its pool, which it never runs again', () => {
    const settings = {
      poolId: POOL,
      partition: 'gpu',
      timeLimitMinutes: 5,
      directory: '/work',
      runner: ['node', "it's"],
      job: { name: 'mine', tres_per_node: 'gres/gpu:1' },
    };
    const { job } = slurmJob({ attemptId: ATTEMPT, environment: { A: 'b=c' } }, settings) as { job: Record<string, unknown> };
    expect(job).toMatchObject({ name: ATTEMPT, comment: `sluice ${POOL}`, requeue: false, partition: 'gpu', tres_per_node: 'gres/gpu:1' });
    expect(job['environment']).toContain('A=b=c');
    expect(job['script']).toBe(`#!/bin/sh\nexec 'node' 'it'\\''s'\n`);
  });

  it('[P63] answers that it took a job, that it will not, or nothing that can be told', () => {
    const errors = (error_number: number) => ({ errors: [{ error_number, description: 'why' }] });
    expect(slurmSubmission(200, { job_id: 4, errors: [] })).toEqual({ kind: 'accepted', id: '4' });
    expect(slurmSubmission(500, errors(2_000))).toEqual({ kind: 'refused', message: 'slurm: why (2000)' });
    for (const answer of [errors(1_007), {}, undefined, { job_id: 0 }]) expect(slurmSubmission(500, answer)).toBeUndefined();
  });

  it.each([
    [['PENDING'], { kind: 'queued' }],
    [['PENDING', 'REQUEUED'], { kind: 'queued' }],
    [['CONFIGURING', 'PENDING'], { kind: 'queued' }],
    [['RUNNING'], { kind: 'running' }],
    [['RUNNING', 'COMPLETING'], { kind: 'running' }],
    [['SUSPENDED'], { kind: 'running' }],
    [['COMPLETED', 'COMPLETING'], { kind: 'ended', how: 'succeeded' }],
    [['PREEMPTED', 'COMPLETING'], { kind: 'ended', how: 'preempted' }],
    [['NODE_FAIL'], { kind: 'ended', how: 'node_lost' }],
    [['TIMEOUT'], { kind: 'ended', how: 'time_limit' }],
    [['OUT_OF_MEMORY'], { kind: 'ended', how: 'failed' }],
    [['SOMETHING_NEW'], { kind: 'queued' }],
  ])('[P67] says %j of a job', (states, expected) => {
    expect(phase(...states)).toMatchObject(expected);
  });

  it('[P67] says how a job ended', () => {
    const exit_code = { return_code: { set: true, number: 3 }, signal: { id: { set: false, number: 0 } } };
    const [record] = slurmRecords(shown(['FAILED'], { state_reason: 'NonZeroExitCode', exit_code }), POOL);
    expect(record?.job?.phase).toMatchObject({ detail: 'FAILED (NonZeroExitCode, exit 3)' });
  });

  it('[P62] shows jobs of others, too', () => {
    for (const over of [{ comment: '' }, { comment: 'sluice pool_9' }, { name: 'att_1_1' }, { name: `${ATTEMPT}x` }]) {
      expect(slurmRecords(shown(['RUNNING'], over), POOL)).toEqual([{ id: '7', state: 'RUNNING', job: undefined }]);
    }
  });

  it('[P71] counts the nodes of the partition that start new jobs', () => {
    const node = (state: readonly string[], partitions = ['gpu']) => ({ name: 'n', state, partitions });
    const nodes = [
      node(['IDLE']),
      node(['MIXED', 'DRAIN']),
      node(['DOWN', 'NOT_RESPONDING']),
      node(['ALLOCATED']),
      node(['IDLE'], ['cpu']),
    ];
    expect(slurmUsableNodes({ nodes }, 'gpu')).toBe(2);
    expect(slurmUsableNodes({ nodes })).toBe(3);
  });
});
