import { afterEach, describe, expect, it } from 'vitest';
import type { Serving } from '../../../src/contract/jobs/attempt.ts';
import type { EmbeddingModel } from '../../../src/inference/embedding-model.ts';
import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { LineAnswerer } from '../../../workers/agent/answer-line.ts';
import { answerLine } from '../../../workers/agent/answer-line.ts';
import { EmbeddingService } from '../../../workers/agent/embedding-service.ts';
import { LoadMeter, ReplicaServer } from '../../../workers/agent/replica-server.ts';
import { staticLineModel } from '../../../workers/agent/line-model.ts';

const loaded = staticLineModel({
  tokeniser: { vocabularySize: 9, tokenise: () => ({ ids: Int32Array.from([1, 2]), words: 2, unknown: 0, cutWords: 0 }) },
  model: {
    manifest: { id: 'm', dimensions: 1, vocabularySize: 9, tokensMax: 9 } as EmbeddingModel['manifest'],
    embed: ({ offsets }) => new Float32Array(offsets.length - 1).fill(1),
  },
});

let isStuck = false;
let held: Promise<void> | undefined;
const answerer: LineAnswerer = {
  callsMax: 4,
  answer: async (lines, id, first, form) => {
    await held;
    return isStuck
      ? Promise.reject(new Error('the thread has ended'))
      : Promise.all(lines.map((line, i) => answerLine(line, `${id}_${first + i}`, loaded, form)));
  },
};

const servers: ReplicaServer[] = [];
const start = async () => {
  const server = await ReplicaServer.start('127.0.0.1', new EmbeddingService('m', answerer));
  servers.push(server);
  return server;
};

afterEach(async () => {
  isStuck = false;
  held = undefined;
  for (const server of servers.splice(0)) await server.drain(0);
});

const post = async ({ url, key }: Pick<Serving, 'url' | 'key'>, body: unknown, path = '/v1/embeddings') => {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
  return { status: response.status, body: (await response.json()) as any };
};

describe('[P81] a replica', () => {
  it('embeds as the API does, for those that show its key', async () => {
    const server = await start();
    const answer = await post(server, { model: 'm', input: ['a', 'b'] });
    expect(answer).toMatchObject({ status: 200, body: { object: 'list', model: 'm', usage: { total_tokens: 4 } } });
    expect(answer.body.data.map(({ index, embedding }: { index: number; embedding: number[] }) => [index, embedding])).toEqual([
      [0, [1]],
      [1, [1]],
    ]);
    const other = await start();
    expect((await post({ url: server.url, key: other.key }, { model: 'm', input: 'a' })).status).toBe(401);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(401);
  });

  it.each([
    [{ model: 'm', input: '' }, 400, 'invalid_value'],
    [{ model: 'other', input: 'a' }, 404, 'model_not_found'],
    ['not json', 400, 'malformed_json'],
    [`{"model":"m","input":"${'x'.repeat(POOL_LIMITS.jobLineBytesMax)}"}`, 413, 'payload_too_large'],
  ])('refuses bad requests as the API does (%#)', async (body, status, code) => {
    const answer = await post(await start(), body);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  it('is healthy while its model answers, and until it is closed', async () => {
    const server = await start();
    expect(await server.isHealthy()).toBe(true);
    isStuck = true;
    expect(await server.isHealthy()).toBe(false);
    isStuck = false;
    expect(await server.isHealthy()).toBe(true);
    await server.drain(0);
    expect(await server.isHealthy()).toBe(false);
  });

  it('[P82] answers what it has begun before it leaves, takes no more, and waits no longer than it may', async () => {
    const release = hold();
    const server = await start();
    const answers = [post(server, { model: 'm', input: 'a' }), post(server, { model: 'm', input: 'b' })];
    await expect.poll(() => server.load.underWay).toBe(2);
    const left = server.drain(60_000);
    expect(await server.isHealthy()).toBe(false);
    release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    await left;
    expect(server.load.underWay).toBe(0);

    hold();
    const other = await start();
    const given = post(other, { model: 'm', input: 'a' }).then(
      () => 'answered',
      () => 'given up',
    );
    await expect.poll(() => other.load.underWay).toBe(1);
    await other.drain(0);
    expect(await given).toBe('given up');
  });

  it('[P82] counts the requests of those that show its key, and no probe', async () => {
    const release = hold();
    const server = await start();
    const refused = await post({ url: server.url, key: 'other' }, { model: 'm', input: 'a' });
    const probe = server.isHealthy();
    const answer = post(server, { model: 'm', input: 'a' });
    await expect.poll(() => server.load.underWay).toBe(1);
    release();
    await answer;
    expect([refused.status, await probe]).toEqual([401, true]);
    await expect.poll(() => server.load.underWay).toBe(0);
  });
});

/** Its model answers nothing until the function is called. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  return resolve;
}

describe('[P82] the load of a replica', () => {
  it('is the mean of the requests under way since it was last asked for', () => {
    let nowMs = 5;
    const meter = new LoadMeter(() => nowMs);
    const pass = (ms: number): void => void (nowMs += ms);
    expect(meter.outstandingMilli()).toBe(0);
    meter.begin();
    meter.begin();
    pass(500);
    meter.end();
    pass(1_000);
    meter.end();
    pass(500);
    expect(meter.outstandingMilli(), '2 for 0.5 s and 1 for 1 s, of 2 s').toBe(1_000);
    meter.begin();
    pass(POOL_LIMITS.replicaLoadWindowMs - 1);
    expect(meter.outstandingMilli(), 'too short to tell').toBe(1_000);
    meter.end();
    pass(9 * POOL_LIMITS.replicaLoadWindowMs + 1);
    expect(meter.outstandingMilli(), 'in tenths').toBe(100);
    pass(POOL_LIMITS.replicaLoadWindowMs);
    expect(meter.outstandingMilli()).toBe(0);
  });
});
