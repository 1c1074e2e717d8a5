import { describe, expect, it } from 'vitest';

import type { AttemptId, PoolId } from '../../../../src/kernel/ids.ts';
import { rayJob, rayRecord, rayRecords, raySubmissionId } from '../../../../src/pools/clusters/ray.ts';

const POOL = 'pool_0123456789' as PoolId;
const ATTEMPT = `att_${'0'.repeat(26)}_3` as AttemptId;
const SETTINGS = { poolId: POOL, runner: ['/usr/bin/node', "it's.ts"], runtimeEnv: {}, job: {} };
const TASK = { attemptId: ATTEMPT, environment: { A: 'b' } };
const shown = (over: object) => ({
  type: 'SUBMISSION',
  submission_id: ATTEMPT,
  status: 'RUNNING',
  metadata: { 'sluice.dev/pool': POOL },
  ...over,
});

describe('a job of Ray', () => {
  it('[P101] has the id of its attempt, reserves a CPU, and is not tried again by Ray', () => {
    const runtimeEnv = { working_dir: 's3://b/x.zip', env_vars: { A: 'theirs', C: 'd' } };
    const job = { entrypoint_num_gpus: 1, submission_id: 'theirs', retry_policy: { max_retries: 3 } };
    expect(JSON.parse(JSON.stringify(rayJob(TASK, { ...SETTINGS, runtimeEnv, job })))).toEqual({
      submission_id: ATTEMPT,
      entrypoint: String.raw`exec '/usr/bin/node' 'it'\''s.ts'`,
      entrypoint_num_cpus: 1,
      entrypoint_num_gpus: 1,
      metadata: { 'sluice.dev/pool': POOL },
      runtime_env: { working_dir: 's3://b/x.zip', env_vars: { A: 'b', C: 'd' } },
    });
    expect(rayJob(TASK, { ...SETTINGS, job: { entrypoint_num_cpus: 0.5 } })).toMatchObject({ entrypoint_num_cpus: 0.5 });
  });

  it('[P62] is of the pool by its id and its metadata, and no other job is', () => {
    const jobs = [
      shown({}),
      shown({ metadata: { 'sluice.dev/pool': 'pool_9999999999' } }),
      shown({ metadata: null }),
      shown({ submission_id: 'raysubmit_x' }),
      // A program that joined the cluster by itself.
      shown({ type: 'DRIVER', submission_id: null, metadata: {} }),
    ];
    expect(rayRecords(jobs, POOL)).toEqual([{ id: ATTEMPT, attemptId: ATTEMPT, phase: { kind: 'running' } }]);
    expect(() => rayRecords({ jobs }, POOL)).toThrow('expected array');
  });

  it.each([
    [{ status: 'PENDING' }, { kind: 'queued' }],
    [{ status: 'RUNNING' }, { kind: 'running' }],
    // Of a version to come.
    [{ status: 'RESTARTING' }, { kind: 'running' }],
    [{ status: 'SUCCEEDED' }, { kind: 'ended', how: 'succeeded' }],
    [{ status: 'STOPPED' }, { kind: 'ended', how: 'cancelled' }],
    [
      { status: 'FAILED', error_type: 'JOB_ENTRYPOINT_COMMAND_ERROR' },
      { kind: 'ended', how: 'failed' },
    ],
    [
      { status: 'FAILED', error_type: 'RUNTIME_ENV_SETUP_FAILURE' },
      { kind: 'ended', how: 'failed' },
    ],
    // Before errors had types.
    [
      { status: 'FAILED', message: 'exit code 3' },
      { kind: 'ended', how: 'failed', detail: 'FAILED: exit code 3' },
    ],
  ] as const)('[P67] %o is %o', (over, phase) => {
    expect(rayRecord(shown(over), POOL)?.phase).toMatchObject(phase);
  });

  it.each(['JOB_SUPERVISOR_ACTOR_DIED', 'JOB_SUPERVISOR_ACTOR_START_TIMEOUT'])('[P104] that ended by %s is given back', (error_type) => {
    expect(rayRecord(shown({ status: 'FAILED', error_type, message: 'm' }), POOL)?.phase).toEqual({
      kind: 'ended',
      how: 'node_lost',
      detail: `FAILED: ${error_type}: m`,
    });
  });

  it('[P101] was taken only if the answer says under which id', () => {
    expect(raySubmissionId({ job_id: 'x', submission_id: 'x' })).toBe('x');
    expect([raySubmissionId({}), raySubmissionId(undefined)]).toEqual([undefined, undefined]);
  });
});
