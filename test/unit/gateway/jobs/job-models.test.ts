import { describe, expect, it } from 'vitest';

import type { Grant } from '../../../../src/contract/jobs/attempt.ts';
import type { AttemptHold } from '../../../../src/gateway/pools/attempt-files.ts';
import { AttemptModels } from '../../../../src/gateway/pools/attempt-models.ts';
import { JobModels } from '../../../../src/gateway/jobs/job-models.ts';
import type { Pools } from '../../../../src/gateway/pools/pool-calls.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { ModelManifest } from '../../../../src/inference/model-manifest.ts';
import type { RegisteredRoute } from '../../../../src/inference/registry/model-route.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';

const [ONE, OTHER] = ['tn_one', 'tn_other'] as TenantId[] as [TenantId, TenantId];
const BUILTIN = ['1', '2'].map(
  (version) => ({ id: 'glove', version, contractHash: version, file: { bytes: Number(version) * 1_048_576 } }) as ModelManifest,
);
const GRAPH = { path: 'model.onnx', bytes: 40 * 1_048_576, sha256: 'a'.repeat(64) };

/** A registered model of the tenant `ONE`. */
const routeOf = (task: string, prompts = {}): RegisteredRoute =>
  ({
    kind: 'registered',
    owner: ONE,
    model: 'minilm',
    serving: { version: 3, manifest: { task, graph: 'model.onnx', externalData: [], files: [GRAPH], prompts } },
    canary: null,
  }) as unknown as RegisteredRoute;

const routes = (route: RegisteredRoute) => ({
  find: async (tenant: TenantId, name: string) => {
    if (tenant === ONE && ['words', 'words@1'].includes(name))
      return ok({ kind: 'builtin', model: name.replace('words', 'glove') } as const);
    return ok(tenant === ONE && ['minilm', 'alias'].includes(name) ? route : undefined);
  },
});

const models = (route = routeOf('embedding')) => new JobModels({ builtin: BUILTIN, routes: routes(route) });

describe('the models of jobs', () => {
  it('[J254] [M98] are the static one of the deployment, and embedding models of the tenant under any name', async () => {
    const builtin = await models().find(OTHER, 'glove');
    expect(builtin).toMatchObject({ ok: true, value: { id: 'glove', weights: { model: 'glove', memoryMib: 2 } } });
    for (const [name, memoryMib] of [
      ['glove@1', 1],
      ['glove@2', 2],
    ] as const)
      expect(await models().find(OTHER, name)).toMatchObject({
        ok: true,
        value: { id: 'glove', isBuiltin: true, weights: { model: name, memoryMib } },
      });
    for (const [name, memoryMib] of [
      ['words', 2],
      ['words@1', 1],
    ] as const)
      expect(await models().find(ONE, name)).toMatchObject({
        ok: true,
        value: { id: 'glove', isBuiltin: true, weights: { model: name, memoryMib } },
      });
    expect(await models().find(OTHER, 'glove@3')).toMatchObject({ error: { code: 'model_not_found', path: ['model'] } });
    const registered = await models().find(ONE, 'alias');
    // 1.75 times its weights, and a MiB.
    expect(registered).toMatchObject({ ok: true, value: { id: 'minilm', weights: { model: 'alias', memoryMib: 71 } } });
    expect(await models().find(OTHER, 'minilm')).toMatchObject({ error: { code: 'model_not_found', path: ['model'] } });
    expect(await models(routeOf('classifier')).find(ONE, 'minilm')).toMatchObject({ error: { code: 'invalid_value', path: ['model'] } });
  });

  it('[J254] count the prompt of each text that an input may have', async () => {
    const found = await models(routeOf('embedding', { query: 'q: ', passage: 'passage: ' })).find(ONE, 'minilm');
    expect(found.ok && found.value.tokensMax(400)).toBe(400 + 100 * 9);
    const plain = await models().find(ONE, 'minilm');
    expect(plain.ok && plain.value.tokensMax(400)).toBe(400);
  });
});

describe('the registered models of attempts', () => {
  const hold = { poolId: 'pool_1', partition: 0, attemptId: 'att_1', fence: 2 } as unknown as AttemptHold;
  const reads: string[] = [];
  const attempts = (tenantId: TenantId, model: string) =>
    new AttemptModels({
      pools: (() => ({
        held: async (_: unknown, fence: number) =>
          fence === 2
            ? ok({ tenantId, work: { kind: 'batch_embedding', model } } as unknown as Grant)
            : refuse('stale_fence', 'old', 'fence'),
      })) as unknown as Pools,
      routes: routes(routeOf('embedding')),
      read: async (owner, sha256) => {
        reads.push(`${owner}/${sha256}`);
        return 'bytes';
      },
    });

  it('[P114] are read by who holds the attempt, as the tenant of the job has them, file by file', async () => {
    const mine = attempts(ONE, 'alias');
    expect(await mine.find(hold)).toMatchObject({ ok: true, value: { owner: ONE, model: 'minilm', version: '3' } });
    expect(await mine.file(hold, GRAPH.sha256)).toMatchObject({ ok: true, value: { content: 'bytes', file: GRAPH } });
    expect(await mine.file(hold, 'b'.repeat(64))).toMatchObject({ error: { code: 'file_not_found' } });
    expect(await mine.find({ ...hold, fence: 1 })).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await mine.file({ ...hold, fence: 1 }, GRAPH.sha256)).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await attempts(ONE, 'words@1').find(hold)).toEqual(ok({ deployed: 'glove@1' }));
    expect(await attempts(ONE, 'words').file(hold, GRAPH.sha256)).toMatchObject({ error: { code: 'model_not_found' } });
    for (const none of [attempts(OTHER, 'minilm'), attempts(ONE, 'glove')])
      expect(await none.file(hold, GRAPH.sha256)).toMatchObject({ error: { code: 'model_not_found' } });
    expect(reads).toEqual([`${ONE}/${GRAPH.sha256}`]);
  });
});
