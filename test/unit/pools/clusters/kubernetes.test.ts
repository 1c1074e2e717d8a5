import { describe, expect, it } from 'vitest';

import type { AttemptId, PoolId } from '../../../../src/kernel/ids.ts';
import { kubernetesEvent, kubernetesJob, kubernetesPage, kubernetesRecord } from '../../../../src/pools/clusters/kubernetes.ts';

const POOL = 'pool_0123456789' as PoolId;
const ATTEMPT = `att_${'0'.repeat(26)}_3` as AttemptId;
const SETTINGS = {
  poolId: POOL,
  image: 'runner:1',
  queue: 'team-a',
  timeLimitS: 60,
  tokenSecret: 'sluice',
  resources: { limits: { 'nvidia.com/gpu': 1 } },
  pod: {},
};

const job = () =>
  kubernetesJob({ attemptId: ATTEMPT, environment: { A: 'b' } }, SETTINGS) as { metadata: object; spec: Record<string, unknown> };
const shown = (status: object, spec: object = {}, metadata: object = {}) => ({
  metadata: { ...job().metadata, uid: 'u', resourceVersion: '5', ...metadata },
  spec,
  status,
});
const phase = (status: object, spec?: object, metadata?: object) => kubernetesRecord(shown(status, spec, metadata), POOL)?.phase;
const failed = (reason: string) => ({ conditions: [{ type: 'Failed', status: 'True', reason }] });

describe('a Job of Kubernetes', () => {
  it('[P62] [P75] is named after its attempt, waits for Kueue, and never makes a second pod', () => {
    const made = job();
    expect(made.metadata).toMatchObject({
      name: `att-${'0'.repeat(26)}-3`,
      labels: { 'sluice.dev/pool': POOL, 'kueue.x-k8s.io/queue-name': 'team-a' },
    });
    expect(made.spec).toMatchObject({ backoffLimit: 0, parallelism: 1, suspend: true, template: { spec: { restartPolicy: 'Never' } } });
  });

  it('[P76] has the token of the pool from a Secret, not in its environment', () => {
    expect(JSON.stringify(job())).toContain('"secretName":"sluice"');
    const { env } = (job().spec as unknown as { template: { spec: { containers: [{ env: object[] }] } } }).template.spec.containers[0];
    expect(env).toEqual([
      { name: 'A', value: 'b' },
      { name: 'SLUICE_AGENT_TOKEN_FILE', value: '/var/run/sluice/token' },
    ]);
  });

  it.each([
    [{}, { suspend: true }, { kind: 'queued' }],
    [{ active: 1, ready: 0 }, {}, { kind: 'queued' }],
    [{ active: 1, ready: 1 }, {}, { kind: 'running' }],
    [{ active: 1, ready: 1 }, { suspend: true }, { kind: 'queued' }],
    [{ conditions: [{ type: 'Complete', status: 'True' }] }, {}, { kind: 'ended', how: 'succeeded' }],
    [{ conditions: [{ type: 'Complete', status: 'False' }] }, {}, { kind: 'queued' }],
    [failed('DeadlineExceeded'), {}, { kind: 'ended', how: 'time_limit' }],
    [failed('PodFailurePolicy'), {}, { kind: 'ended', how: 'preempted' }],
    [failed('BackoffLimitExceeded'), {}, { kind: 'ended', how: 'failed' }],
  ])('[P67] with status %j is %j', (status, spec, expected) => {
    expect(phase(status, spec)).toMatchObject(expected);
  });

  it('[P65] that is being deleted is over', () => {
    expect(phase({ active: 1, ready: 1 }, {}, { deletionTimestamp: '2026-11-27T00:00:00Z' })).toMatchObject({
      kind: 'ended',
      how: 'cancelled',
    });
  });

  it('[P62] belongs to the pool by its label, its annotation and its name', () => {
    for (const metadata of [{ labels: {} }, { annotations: {} }, { name: 'other' }, { labels: { 'sluice.dev/pool': 'pool_9' } }]) {
      expect(kubernetesRecord(shown({}, {}, metadata), POOL)).toBeUndefined();
    }
  });
});

describe('an API server', () => {
  it('[P75] lists in pages', () => {
    expect(kubernetesPage({ metadata: { resourceVersion: '9', continue: 'more' }, items: [1] })).toEqual({
      items: [1],
      resourceVersion: '9',
      next: 'more',
    });
    expect(kubernetesPage({ metadata: { resourceVersion: '9', continue: '' }, items: [] }).next).toBeUndefined();
  });

  it('[P75] reports changes, deletions, bookmarks, and that a watch is over', () => {
    expect(kubernetesEvent({ type: 'MODIFIED', object: shown({}) }, POOL)).toMatchObject({
      kind: 'changed',
      uid: 'u',
      job: { attemptId: ATTEMPT },
    });
    expect(kubernetesEvent({ type: 'DELETED', object: shown({}) }, POOL)).toMatchObject({ kind: 'deleted', uid: 'u' });
    expect(kubernetesEvent({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } }, POOL)).toEqual({
      kind: 'bookmark',
      resourceVersion: '8',
    });
    expect(kubernetesEvent({ type: 'ERROR', object: { code: 410 } }, POOL)).toEqual({ kind: 'over' });
  });
});
