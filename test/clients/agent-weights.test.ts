import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ModelFiles } from '../../src/inference/model-manifest.ts';
import { runAgent } from '../../workers/agent/agent.ts';
import { embeddingRunner } from '../../workers/agent/embedding-runner.ts';
import { GatewayModels, gatewayFiles } from '../../workers/agent/gateway-models.ts';
import { PoolClient } from '../../workers/agent/pool-client.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { submitEmbedding } from '../support/deployment/submit-embedding.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { defaultModel } from '../support/fixtures/default-model.ts';
import { secondModel } from '../support/fixtures/second-model.ts';

interface Pool {
  readonly id: string;
  readonly agent_token: string;
}

/** What the default model takes by its manifest. */
const DEFAULT_MIB = Math.ceil(defaultModel.encoder.manifest.file.bytes / 2 ** 20);

let server: Server;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  ({ client } = await createTenant(server));
});

afterAll(() => server.stop());

const submit = () => submitEmbedding(client);

describe('[J241] [P110] [P111] an agent that keeps models', () => {
  interface ShownWeights {
    readonly model: string;
    readonly memory_mib: number;
    readonly in_use: number;
    readonly last_used_at: number | null;
  }

  /** A real agent with a second model of its own, which it has loaded before it joins; `use` it while it is there. */
  async function withAgent(weightsMaxMib: number, use: (seen: () => Promise<readonly ShownWeights[]>) => Promise<void>) {
    const url = server.urls[0] ?? '';
    const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
    const own = await admin.create<Pool>('/v1/pools', { name: `keeps-${weightsMaxMib}`, owner: 'testers' });
    const second = secondModel('second');
    const gateway = gatewayFiles(url);
    const files: ModelFiles = {
      async read(path) {
        if (!path.startsWith('second/')) return gateway.read(path);
        return path.endsWith('.json') ? new TextEncoder().encode(JSON.stringify({ models: [second.manifest] })) : second.bytes;
      },
    };
    const models = new GatewayModels({ files, weightsMaxMib });
    const loaded = await models.use('second');
    if (loaded.ok) await loaded.value.release();
    const ordered: string[] = [];
    const stop = new AbortController();
    const running = runAgent({
      client: new PoolClient({ url, poolId: own.id, token: own.agent_token, cacheSocket: undefined }),
      models: {
        held: () => models.held(),
        unload: (names) => {
          ordered.push(...names);
          return models.unload(names);
        },
      },
      runners: { batch_embedding: embeddingRunner(models) },
      secrets: [own.agent_token],
      machine: { name: 'keeper', weights_max_mib: weightsMaxMib, weights: [] },
      stopped: stop.signal,
    });
    const http = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
    try {
      await use(async () => (await http.get(`/v1/pools/${own.id}/nodes`)).body.data[0]?.weights ?? []);
    } finally {
      stop.abort();
      await running;
      await models.close();
      // Its last poll counts for a while still: no job of others may be given to it.
      await http.delete(`/v1/pools/${own.id}?force=true`);
    }
    return ordered;
  }

  const done = async (job: string) => (await client.get(`/v1/jobs/${job}`)).body.state;
  const names = (weights: readonly ShownWeights[]) => weights.map(({ model }) => model).toSorted();
  const LONG = { timeout: 60_000, interval: 100 };

  it('forgets one on an order when a job needs the room for another', async () => {
    // No room is left for the second.
    const ordered = await withAgent(DEFAULT_MIB, async (seen) => {
      await expect.poll(async () => names(await seen()), LONG).toEqual(['second']);
      const { job } = await submit();
      await expect.poll(() => done(job), LONG).toBe('succeeded');
      await expect.poll(async () => names(await seen()), LONG).not.toContain('second');
    });
    expect(ordered).toContain('second');
  });

  it('has both where there is room, and jobs are planned to where their model is', async () => {
    const ordered = await withAgent(2_000, async (seen) => {
      const { job } = await submit();
      await expect.poll(() => done(job), LONG).toBe('succeeded');
      await expect.poll(async () => names(await seen()), LONG).toEqual(['glove-sif-100', 'second']);
      const first = async () => (await seen()).find(({ model }) => model === 'glove-sif-100');
      // As measured: a copy in each thread beside the one that the manifest tells of.
      await expect.poll(async () => (await first())?.memory_mib, LONG).toBeGreaterThan(DEFAULT_MIB);
      // The agent says so when it next asks for work.
      await expect.poll(first, LONG).toMatchObject({ in_use: 0, last_used_at: expect.any(Number) });
      const { file } = await submit();
      const plan = await client.post('/v1/jobs:plan', { kind: 'batch_embedding', model: 'glove-sif-100', input_file: file, owner: 'zoo' });
      expect(plan.body.placement.weights).toMatchObject({ model: 'glove-sif-100', nodes: 1 });
    });
    expect(ordered).toEqual([]);
  });
});
