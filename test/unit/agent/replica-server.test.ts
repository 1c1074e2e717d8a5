import { afterEach, describe, expect, it } from 'vitest';

import type { Serving } from '../../../src/contract/attempt.ts';
import type { EmbeddingModel } from '../../../src/inference/embedding-model.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { LineAnswerer, LoadedModel } from '../../../workers/agent/answer-line.ts';
import { answerLine } from '../../../workers/agent/answer-line.ts';
import { ReplicaServer } from '../../../workers/agent/replica-server.ts';

const loaded: LoadedModel = {
  tokeniser: { vocabularySize: 9, tokenise: () => ({ ids: Int32Array.from([1, 2]), words: 2 }) },
  model: {
    manifest: { id: 'm', dimensions: 1, vocabularySize: 9, tokensMax: 9 } as EmbeddingModel['manifest'],
    embed: ({ offsets }) => new Float32Array(offsets.length - 1).fill(1),
  },
};

let isStuck = false;
const answerer: Pick<LineAnswerer, 'answer'> = {
  answer: (lines, id, first, form) =>
    isStuck
      ? Promise.reject(new Error('the thread has ended'))
      : Promise.all(lines.map((line, i) => answerLine(line, `${id}_${first + i}`, loaded, form))),
};

const servers: ReplicaServer[] = [];
const start = async () => {
  const server = await ReplicaServer.start('127.0.0.1', 'm', answerer);
  servers.push(server);
  return server;
};

afterEach(async () => {
  isStuck = false;
  for (const server of servers.splice(0)) await server.close();
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
    [`{"model":"m","input":"${'x'.repeat(LIMITS.jobLineBytesMax)}"}`, 413, 'payload_too_large'],
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
    await server.close();
    expect(await server.isHealthy()).toBe(false);
  });
});
