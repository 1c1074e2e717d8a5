import { describe, expect, it } from 'vitest';

import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { CreateJob } from '../../../../src/contract/jobs/jobs.ts';
import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { StandingReplicas } from '../../../../src/gateway/models/standing-replicas.ts';
import type { ServedManifest } from '../../../../src/inference/served-manifest.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const MIB = 1024 * 1024;
const TENANT = 'tn_one';

const manifest = {
  task: 'embedding',
  graph: 'model.onnx',
  externalData: [],
  files: [{ path: 'model.onnx', bytes: 2_000 * MIB, sha256: '' }],
} as unknown as ServedManifest;

/** A scheduler that knows jobs by the keys that they were submitted under, as the real one does by their ids. */
class World {
  nowMs = 1_000_000;
  readonly jobs: Job[] = [];
  readonly bodies: CreateJob[] = [];
  readonly #byKey = new Map<string, { readonly job: Job; readonly by: string }>();

  readonly standing = new StandingReplicas({
    clock: { nowMs: () => this.nowMs },
    jobs: { submit: async (caller, body, key) => this.#submit(caller, body, key ?? '') },
    queue: {
      jobs: async (tenantId, { label, state }) => {
        const found = this.jobs.filter(
          ({ labels, state: is, tenantId: of }) =>
            of === tenantId && labels[label?.name ?? ''] === label?.value && (state === undefined || state.includes(is as never)),
        );
        return ok({ jobs: found.toReversed(), next: null });
      },
      act: async (_, id) => {
        this.end(id, 'cancelled');
        return ok(this.jobs[0]!);
      },
    } satisfies Pick<JobQueue, 'jobs' | 'act'>,
  });

  make = (version: number, key = 'key_one', tenant = TENANT) =>
    this.standing.jobOf({ principal: principal(tenant, { keyId: key }), model: 'minilm', version: { version, manifest } });

  end(id: JobId, state: 'cancelled' | 'failed', message = 'no room'): void {
    const job = this.jobs.find((one) => one.id === id);
    if (job !== undefined) Object.assign(job, { state, finishedAtMs: this.nowMs, error: { reason: 'model_unavailable', message } });
  }

  #submit({ tenantId, keyId }: TenantPrincipal, body: CreateJob, key: string) {
    const known = this.#byKey.get(`${tenantId}/${key}`);
    if (known !== undefined) return known.by === keyId ? ok(known.job) : refuse('idempotency_mismatch', 'another key was first');
    const id = `job_${this.jobs.length}` as JobId;
    const job = { id, tenantId, labels: body.labels, state: 'pending', finishedAtMs: null } as unknown as Job;
    this.bodies.push(body);
    this.jobs.push(job);
    this.#byKey.set(`${tenantId}/${key}`, { job, by: keyId });
    return ok(job);
  }
}

describe('[M161] a standing job', () => {
  it('is one for each version and tenant, whichever isolates and keys ask at once', async () => {
    const world = new World();
    const asked = await Promise.all([
      world.make(1),
      world.make(1),
      world.make(1, 'key_two'),
      world.make(2),
      world.make(1, 'key_three', 'tn_two'),
    ]);
    expect(asked).toEqual(['job_0', 'job_0', 'job_0', 'job_1', 'job_2'].map((id) => ok(id)));
    expect(await world.make(1, 'key_four')).toEqual(ok('job_0'));
    expect(world.jobs).toHaveLength(3);
  });

  it('has no replica until a call, names its version, and asks for the memory of its weights', async () => {
    const world = new World();
    await world.make(7);
    const [{ model, kind, scaling, resources, labels }] = world.bodies as unknown as [Record<string, unknown>];
    expect([kind, model, scaling]).toMatchObject(['online_inference', 'minilm@7', { min: 0 }]);
    expect(resources).toMatchObject([{ cpu_milli: 50, memory_mib: 3_501, nodes: 1 }]);
    expect(labels).toEqual({ 'sluice-model': 'minilm', 'sluice-model-version': 'minilm@7' });
  });

  it('that was cancelled is followed by another, and one that failed only after a while', async () => {
    const world = new World();
    await world.make(1);
    world.end('job_0' as JobId, 'cancelled');
    expect(await world.make(1)).toEqual(ok('job_1'));
    world.end('job_1' as JobId, 'failed', 'the graph has no room');
    expect(await world.make(1)).toMatchObject({
      error: {
        code: 'no_healthy_replica',
        retryAfterMs: MODEL_LIMITS.standingRetryMs,
        message: expect.stringContaining('the graph has no room'),
      },
    });
    world.nowMs += MODEL_LIMITS.standingRetryMs;
    expect(await world.make(1)).toEqual(ok('job_2'));
  });

  it('[M162] ends with its version, or with its model, and no other does', async () => {
    const world = new World();
    for (const version of [1, 2, 3]) await world.make(version);
    await world.make(1, 'key', 'tn_two');
    const open = () => world.jobs.filter(({ finishedAtMs }) => finishedAtMs === null).map(({ id }) => id);
    await world.standing.end(TENANT as TenantId, 'minilm', 2);
    expect(open()).toEqual(['job_0', 'job_2', 'job_3']);
    await world.standing.end(TENANT as TenantId, 'minilm');
    expect(open()).toEqual(['job_3']);
  });
});
