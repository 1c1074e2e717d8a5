import { describe, expect, it } from 'vitest';
import { refusal } from '../../../../src/contract/api/errors.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { refuseBeyond } from '../../../../src/contract/limits/limit-refusal.ts';
import { ModelReplicas } from '../../../../src/gateway/pools/model-replicas.ts';
import { ModelRunners } from '../../../../src/gateway/models/model-runners.ts';
import type { ReplicaTexts } from '../../../../src/gateway/models/replica-calls.ts';
import type { RegisteredRoute } from '../../../../src/inference/registry/model-route.ts';
import { chooseRunner, shownChoice } from '../../../../src/inference/served/choose-runner.ts';
import { EDGE_ROOM } from '../../../../src/inference/served/model-room.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';
import type { ServedManifest } from '../../../../src/inference/served-manifest.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import type { Serving } from '../../../../src/contract/jobs/attempt.ts';

const TENANT = 'tn_one' as TenantId;
const MIB = 1024 * 1024;

const manifestOf = (mib: number, task: ServedManifest['task'] = 'embedding') =>
  ({
    task,
    graph: 'model.onnx',
    externalData: ['model.onnx.data'],
    files: [
      { path: 'model.onnx', bytes: MIB, sha256: '' },
      { path: 'model.onnx.data', bytes: (mib - 1) * MIB, sha256: '' },
    ],
    contractHash: 'own',
    dimensions: 2,
    tokensMax: 512,
  }) as unknown as ServedManifest;

describe('[M70] what runs a registered model', () => {
  const facts = { manifest: manifestOf(22), tokens: 10, longestTokens: 10, hasReplica: true, leftMs: undefined };

  it.each([
    ['inference; reason=no_replica', { hasReplica: false, tokens: 60_000, leftMs: 1 }],
    ['inference; reason=small', {}],
    ['inference; reason=small', { leftMs: 1 }],
    ['pool; reason=price', { tokens: 2_000 }],
    ['pool; reason=deadline', { tokens: 2_000, leftMs: 100 }],
    ['pool; reason=price', { tokens: 2_000, leftMs: 100_000 }],
    ['pool; reason=too_large', { manifest: manifestOf(90), tokens: 1 }],
    ['none; reason=too_large', { manifest: manifestOf(90), tokens: 1, hasReplica: false }],
    ['inference; reason=no_replica', { manifest: manifestOf(90, 'classifier'), hasReplica: false }],
    ['inference; reason=small', { runBoundMs: 51 * MODEL_LIMITS.runBoundMsMax, longestTokens: 10 }],
    ['pool; reason=too_slow', { runBoundMs: 51 * MODEL_LIMITS.runBoundMsMax, longestTokens: 11 }],
    ['inference; reason=no_replica', { runBoundMs: 51 * MODEL_LIMITS.runBoundMsMax, longestTokens: 11, hasReplica: false }],
    ['pool; reason=too_slow', { runBoundMs: 65 * MODEL_LIMITS.runBoundMsMax, longestTokens: 1 }],
    ['none; reason=too_slow', { runBoundMs: 65 * MODEL_LIMITS.runBoundMsMax, longestTokens: 1, hasReplica: false }],
  ] as const)('is %s for %o', (shown, changes) => {
    expect(shownChoice(chooseRunner({ ...facts, ...changes }))).toBe(shown);
  });

  it('changes at the estimate of what a call of a replica takes, and nowhere else', () => {
    const bytes = 22 * MIB;
    const tokens = Math.floor((MODEL_LIMITS.replicaCallMs * 1e9) / (bytes * MODEL_LIMITS.edgePsPerTokenByte));
    expect(chooseRunner({ ...facts, tokens }).runner).toBe('inference');
    expect(chooseRunner({ ...facts, tokens: tokens + 1 }).runner).toBe('pool');
  });
});

/** Runners of which the pool answers as `pool` says. */
function world(
  mib: number,
  pool: () => ReturnType<typeof ok> | ReturnType<typeof refuse> | ReturnType<typeof err>,
  models: readonly string[] = ['minilm'],
  asleep: readonly string[] = [],
  standsBy = false,
) {
  const asked: ReplicaTexts[] = [];
  const woken: string[] = [];
  const calls = { models: 0, edge: 0 };
  const stood: (string | undefined)[] = [];
  /** What an isolate answers instead of a vector. */
  const edge: { refused?: ReturnType<typeof refuseBeyond> } = {};
  const clock = { now: 0, nowMs: () => clock.now };
  const manifest = manifestOf(mib);
  const serving = { version: 2, manifest, contractHash: 'first', createdAtMs: 0 };
  const route = {
    kind: 'registered',
    owner: TENANT,
    model: 'minilm',
    isPinned: false,
    serving,
    canary: null,
  } as unknown as RegisteredRoute;
  const runners = new ModelRunners({
    clock,
    standsBy,
    room: EDGE_ROOM,
    inference: {
      embedTexts: async () => {
        calls.edge += 1;
        return edge.refused ?? ok({ vectors: Float32Array.from([1, 0]), tokens: Int32Array.from([3]), sharedTexts: 0 });
      },
    },
    replicas: {
      replicaModels: async () => {
        calls.models += 1;
        return ok({ ready: models, asleep });
      },
      wakeReplica: async (_, names, standing) => {
        woken.push(...names);
        stood.push(standing?.model);
      },
      embedOnReplica: async (_, texts) => {
        clock.now += 250;
        stood.push(texts.standing?.model);
        asked.push(texts);
        return pool() as never;
      },
    },
  });
  const embed = (tokens: number, changes: { name?: string; isPinned?: boolean; runBoundMs?: number } = {}) =>
    runners.embedTexts(
      {
        principal: principal(TENANT),
        name: changes.name ?? 'minilm',
        route: { ...route, isPinned: changes.isPinned ?? false },
        version: { ...route.serving, runBoundMs: changes.runBoundMs },
        inputType: 'query',
        tokens,
        longestTokens: tokens,
        isTruncating: false,
        leftMs: undefined,
      },
      ['a'],
    );
  return { embed, asked, woken, calls, clock, stood, edge };
}

const replied = () => ok({ vectors: Float32Array.from([0, 1]), tokens: Int32Array.from([3]), version: '1' });

describe('[M70] runners of registered models', () => {
  it('send a large call to the replica, and say which version it runs', async () => {
    const { embed, asked, calls } = world(22, replied);
    expect(await embed(5_000)).toMatchObject({ ok: true, value: { ran: { choice: { runner: 'pool', reason: 'price' }, version: '1' } } });
    const { names, texts } = { names: ['minilm', 'minilm', 'minilm@2'], texts: ['a'] };
    expect(asked).toEqual([
      { names, texts, inputType: 'query', isTruncating: false, dimensions: 2, contracts: ['first', 'own'], waitMs: 0 },
    ]);
    expect(await embed(5)).toMatchObject({ value: { ran: { choice: { runner: 'inference', reason: 'small' }, version: '2' } } });
    expect(calls.edge).toBe(1);
  });

  it('compute in the isolate where the replica fails, but not what it has no room for, nor what is wrong with the texts', async () => {
    const failed = () => refuse('no_healthy_replica', 'it did not answer', 'model');
    const small = world(22, failed);
    expect(await small.embed(5_000)).toMatchObject({ value: { ran: { choice: { runner: 'inference', reason: 'replica_failed' } } } });
    const large = world(90, failed);
    expect(await large.embed(5)).toMatchObject({ ok: false, error: { code: 'no_healthy_replica' } });
    const wrong = world(22, () => refuse('limit_exceeded', 'too long', ['input', 0]));
    expect(await wrong.embed(5_000)).toMatchObject({ ok: false, error: { code: 'limit_exceeded', path: ['input', 0] } });
    expect([large.calls.edge, wrong.calls.edge]).toEqual([0, 0]);
  });

  it('refuse what only a pool has room for where none serves it, and do not ask more than once in a while', async () => {
    const none = world(90, replied, ['other']);
    const refused = await none.embed(5);
    expect(refused).toMatchObject({ ok: false, error: { code: 'no_healthy_replica', path: ['model'] } });
    await none.embed(5);
    expect(none.calls.models).toBe(1);
    none.clock.now = MODEL_LIMITS.modelReplicasViewMs;
    await none.embed(5);
    expect(none.calls.models).toBe(2);
    expect(none.asked).toEqual([]);
  });

  it.each([
    [90, 'edgeEncoderBytesMax: 94371840 bytes of weights'],
    [64, 'edgeEmbedderBytesMax: 67108864 bytes of weights'],
  ])('[M204] refuse one of %i MiB by the limit that it is over, with its size', async (mib, said) => {
    const refused = await world(mib, replied, []).embed(5);
    expect(refused.ok ? '' : refused.error.message).toContain(said);
  });

  it('[J360] wait for a sleeping job only with what no isolate can run, and wake it for the rest', async () => {
    const large = world(90, replied, [], ['minilm']);
    expect(await large.embed(5)).toMatchObject({ value: { ran: { choice: { runner: 'pool', reason: 'too_large' } } } });
    expect([large.asked[0]?.waitMs, large.woken]).toEqual([JOB_LIMITS.replicaWakeMs, []]);
    const later = () => err({ ...refusal('no_healthy_replica', 'later'), retryAfterMs: 5_000 });
    expect(await world(90, later, [], ['minilm']).embed(5)).toMatchObject({ error: { code: 'no_healthy_replica', retryAfterMs: 5_000 } });
    const priced = world(22, replied, [], ['minilm']);
    expect(await priced.embed(5_000)).toMatchObject({ value: { ran: { choice: { runner: 'inference', reason: 'no_replica' } } } });
    expect([priced.asked, priced.woken, priced.stood]).toEqual([[], ['minilm', 'minilm', 'minilm@2'], [undefined]]);
    const small = world(22, replied, [], ['minilm']);
    expect(await small.embed(5)).toMatchObject({ value: { ran: { choice: { runner: 'inference', reason: 'small' } } } });
    expect([small.asked, small.woken]).toEqual([[], []]);
    const ready = world(22, replied);
    await ready.embed(5_000);
    expect(ready.asked[0]?.waitMs, 'an isolate can run it').toBe(0);
  });

  it('[M160] have a job made where none serves the model, and wait only with what no isolate computes', async () => {
    const of = (mib: number, models: readonly string[] = []) => world(mib, replied, models, [], true);
    const large = of(90);
    expect(await large.embed(5)).toMatchObject({ value: { ran: { choice: { runner: 'pool', reason: 'too_large' }, waitedMs: 250 } } });
    expect([large.stood, large.asked[0]?.waitMs, large.calls.edge]).toEqual([['minilm'], JOB_LIMITS.replicaWakeMs, 0]);
    const priced = of(22);
    expect(await priced.embed(5_000)).toMatchObject({ value: { ran: { choice: { runner: 'inference', reason: 'no_replica' } } } });
    expect([priced.stood, priced.asked]).toEqual([['minilm'], []]);
    const small = of(22);
    expect(await small.embed(5)).toMatchObject({ value: { ran: { choice: { runner: 'inference', reason: 'small' } } } });
    expect([small.stood, small.woken]).toEqual([[], []]);
    const ready = of(90, ['minilm@2']);
    expect((await ready.embed(5)).ok && (await ready.embed(5))).not.toHaveProperty('value.ran.waitedMs');
  });

  it('[M160] let an isolate try texts that may be too long for it, and wait only if it refuses them', async () => {
    const runBoundMs = 51 * MODEL_LIMITS.runBoundMsMax;
    const short = world(22, replied, [], [], true);
    expect(await short.embed(11, { runBoundMs })).toMatchObject({ value: { ran: { choice: { runner: 'inference' } } } });
    expect([short.asked, short.stood]).toEqual([[], ['minilm']]);
    const long = world(22, replied, [], [], true);
    long.edge.refused = refuseBeyond({ limit: 'runBoundMsMax', what: 'may compute for 300 ms' });
    expect(await long.embed(11, { runBoundMs })).toMatchObject({ value: { ran: { choice: { runner: 'pool', reason: 'too_slow' } } } });
    expect(long.asked[0]?.waitMs).toBe(JOB_LIMITS.replicaWakeMs);
    const much = world(22, replied, [], [], true);
    much.edge.refused = refuseBeyond({ limit: 'callBoundMsMax', what: 'may compute for 40 s' });
    expect(await much.embed(5_000)).toMatchObject({ value: { ran: { choice: { runner: 'pool', reason: 'price' }, waitedMs: 250 } } });
    expect([much.asked[0]?.waitMs, much.calls.edge]).toEqual([JOB_LIMITS.replicaWakeMs, 1]);
    const wrong = world(22, replied, [], [], true);
    wrong.edge.refused = refuseBeyond({ path: ['input', 0], limit: 'modelTokensMax', what: 'has 600 tokens' });
    expect(await wrong.embed(11, { runBoundMs })).toMatchObject({ error: { code: 'limit_exceeded', path: ['input', 0] } });
    expect(wrong.asked, 'a replica refuses these as well').toEqual([]);
  });

  it('take a request for one version to no replica of the name alone', async () => {
    const { embed, asked } = world(22, replied);
    expect(await embed(5_000, { name: 'minilm@1', isPinned: true })).toMatchObject({
      value: { ran: { choice: { reason: 'no_replica' } } },
    });
    expect(asked).toEqual([]);
  });
});

describe('[M71] replicas by their models', () => {
  const healthy = { serving: { url: 'http://a', key: 'k', isHealthy: true } as Serving };
  const job = (id: string, model: string, members: readonly object[]) =>
    ({ id, work: { kind: 'online_inference', model }, attempt: { group: { members } } }) as unknown as Job;
  const base64 = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
  const BODY = {
    data: [{ embedding: base64(1, 0) }, { embedding: base64(0, 1) }],
    sluice: { tokens: [3, 4], version: '1', contract_hash: 'own' },
  };
  const TEXTS: ReplicaTexts = {
    names: ['minilm'],
    texts: ['a', 'b'],
    inputType: undefined,
    isTruncating: false,
    dimensions: 2,
    contracts: ['first', 'own'],
    waitMs: 7,
  };
  const replicas = (body: unknown, sent: string[] = [], more: readonly Job[] = []) =>
    new ModelReplicas({
      serving: async () => ok([...more, job('job_1', 'cold', [{}]), job('job_2', 'minilm', [{}, healthy])]),
      router: {
        embed: async (_tenant, id, model, text, _end, waitMs) => {
          sent.push(`${id} ${model} ${text}`);
          expect(waitMs).toBe(TEXTS.waitMs);
          return ok(body);
        },
      },
      wakes: {
        wake: async (_tenant, jobs) => {
          sent.push(`wakes ${jobs.join()}`);
          return ok(null);
        },
      },
      standing: {
        jobOf: async ({ model, version }) => {
          sent.push(`makes ${model}@${version.version}`);
          return ok('job_9' as JobId);
        },
      },
      clock: { nowMs: () => 0 },
    });

  it('[M160] are made of a model that none serves, once for all calls of an isolate', async () => {
    const sent: string[] = [];
    const one = replicas(BODY, sent);
    const standing = { principal: principal(TENANT), model: 'new', version: { version: 3, manifest: manifestOf(22) } };
    const names = ['new', 'new@3'];
    await one.wakeReplica(TENANT, names, standing);
    expect(await one.embedOnReplica(TENANT, { ...TEXTS, names, standing })).toMatchObject({ ok: true });
    expect(await one.replicaModels(TENANT)).toEqual(ok({ ready: ['minilm'], asleep: ['new@3'] }));
    expect(sent.map((each) => each.split(' {', 1)[0])).toEqual(['makes new@3', 'wakes job_9', 'job_9 new@3']);
    expect(await one.embedOnReplica(TENANT, { ...TEXTS, names: ['minilm'], standing })).toMatchObject({ ok: true });
    expect(sent.filter((each) => each.startsWith('makes'))).toHaveLength(1);
  });

  it('are those that are healthy, and answer vectors with the tokens of each text', async () => {
    const sent: string[] = [];
    const one = replicas(BODY, sent);
    expect(await one.replicaModels(TENANT)).toEqual(ok({ ready: ['minilm'], asleep: [] }));
    const answered = await one.embedOnReplica(TENANT, { ...TEXTS, inputType: 'passage' });
    expect(answered).toEqual(
      ok({ vectors: Float32Array.from([1, 0, 0, 1]), tokens: Int32Array.from([3, 4]), sharedTexts: 0, version: '1' }),
    );
    expect(sent).toEqual(['job_2 minilm {"model":"minilm","input":["a","b"],"encoding_format":"base64","input_type":"passage"}']);
    expect(await one.embedOnReplica(TENANT, { ...TEXTS, names: ['cold'] })).toMatchObject({ error: { code: 'no_healthy_replica' } });
  });

  it('[J360] may be asleep, and are then called where none is ready, and woken for later calls alone', async () => {
    const sent: string[] = [];
    const asleep = (id: string, model: string, scaling: object) =>
      ({ id, work: { kind: 'online_inference', model, scaling }, attempt: null }) as unknown as Job;
    const more = [asleep('job_3', 'big', { min: 0 }), asleep('job_4', 'minilm', { min: 0 }), asleep('job_5', 'kept', {})];
    const one = replicas(BODY, sent, more);
    expect(await one.replicaModels(TENANT)).toEqual(ok({ ready: ['minilm'], asleep: ['big', 'minilm'] }));
    expect(await one.embedOnReplica(TENANT, TEXTS)).toMatchObject({ ok: true });
    expect(await one.embedOnReplica(TENANT, { ...TEXTS, names: ['big'] })).toMatchObject({ ok: true });
    await one.wakeReplica(TENANT, ['big']);
    await one.wakeReplica(TENANT, ['kept', 'none']);
    expect(sent.map((each) => each.split(' ').slice(0, 2).join(' '))).toEqual(['job_2 minilm', 'job_3 big', 'wakes job_3']);
  });

  it.each([
    ['another contract', { ...BODY, sluice: { ...BODY.sluice, contract_hash: 'other' } }],
    ['no contract, as older agents', { data: BODY.data }],
    ['fewer vectors', { ...BODY, data: BODY.data.slice(1) }],
    ['shorter vectors', { ...BODY, data: [BODY.data[0], { embedding: base64(1) }] }],
    ['vectors that are none', { ...BODY, data: [BODY.data[0], { embedding: base64(Number.NaN, 1) }] }],
    ['tokens that are none', { ...BODY, sluice: { ...BODY.sluice, tokens: [3, -1] } }],
    ['nothing', null],
  ])('are not believed that answer %s', async (_, body) => {
    expect(await replicas(body).embedOnReplica(TENANT, TEXTS)).toMatchObject({ ok: false, error: { code: 'no_healthy_replica' } });
  });
});
