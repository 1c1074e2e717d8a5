import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { ReplicaServer } from '../../../workers/agent/replica-server.ts';
import { PassingService, serverBesideIn } from '../../../workers/agent/server-beside.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A replica before a server that does this; with where the server is. */
async function replicaBefore(
  listener: Listener,
  key = 'of-the-server',
): Promise<{ replica: ReplicaServer; url: string; stop: () => void }> {
  const beside = createServer(listener);
  await new Promise<void>((resolve) => void beside.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(beside.address() as AddressInfo).port}/v1`;
  const stop = (): void => {
    beside.close();
    beside.closeAllConnections();
  };
  const replica = await ReplicaServer.start('127.0.0.1', new PassingService({ url, key }, 'llama'));
  closing.push(stop, () => replica.drain(0));
  return { replica, url, stop };
}

interface Init extends RequestInit {
  readonly headers?: Record<string, string>;
}

const call = ({ url, key }: ReplicaServer, path: string, init: Init = {}, shown = key): Promise<Response> =>
  fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${shown}`, ...init.headers } });

const chat = { method: 'POST', headers: { 'content-type': 'application/json', cookie: 'a=b' }, body: '{"model":"llama"}' };

describe('[P83] a replica before a server', () => {
  it('passes calls on with the key of the server, and answers as that does', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const { replica } = await replicaBefore(async (request, response) => {
      seen.push(request.headers);
      const pieces = (await request.toArray()) as Buffer[];
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7', server: 'secret-version' });
      response.end(JSON.stringify({ path: request.url, said: Buffer.concat(pieces).toString() }));
    });
    const answer = await call(replica, '/v1/chat/completions', chat);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('server')]).toEqual([429, '7', null]);
    expect(await answer.json()).toEqual({ path: '/v1/chat/completions', said: chat.body });
    expect(seen[0]).toMatchObject({ authorization: 'Bearer of-the-server', 'content-type': 'application/json' });
    expect(seen[0]).not.toHaveProperty('cookie');
  });

  it('passes on what is called of upstreams, and only for those that show its key', async () => {
    const paths: (string | undefined)[] = [];
    const { replica } = await replicaBefore((request, response) => {
      paths.push(request.url);
      response.end('{}');
    });
    for (const path of ['/v1/load_lora_adapter', '/v1/chat/completions?x=1', '/metrics', '/v1/../metrics'])
      expect((await call(replica, path, chat)).status, path).toBe(404);
    expect((await call(replica, '/v1/chat/completions', chat, 'another')).status).toBe(401);
    expect(paths).toEqual([]);
    const byBareKey = { method: 'POST', headers: { 'x-api-key': replica.key }, body: '{}' };
    expect((await fetch(`${replica.url}/v1/messages`, byBareKey)).status).toBe(200);
    expect(paths).toEqual(['/v1/messages']);
  });

  it('sends each piece of a stream when it comes, and ends the call of a caller that goes away', async () => {
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
    const { replica } = await replicaBefore((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      response.once('close', leave);
    });
    const caller = new AbortController();
    const answer = await call(replica, '/v1/chat/completions', { ...chat, signal: caller.signal });
    const first = await answer.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('data: 1\n\n');
    expect(replica.load.underWay).toBe(1);
    caller.abort();
    await gone;
    await expect.poll(() => replica.load.underWay).toBe(0);
  });

  it('breaks an answer off where the server does, and says so where it has not answered at all', async () => {
    const { replica, stop } = await replicaBefore((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n', () => response.destroy());
    });
    const answer = await call(replica, '/v1/chat/completions', chat);
    await expect(answer.text()).rejects.toThrow('terminated');
    stop();
    const refused = await call(replica, '/v1/chat/completions', chat);
    expect([refused.status, await refused.json()]).toMatchObject([502, { error: { code: 'upstream_unavailable' } }]);
  });

  it('is healthy while the server lists the model', async () => {
    let answer = '{"data":[{"id":"llama"}]}';
    let status = 200;
    const { replica, stop } = await replicaBefore((request, response) => {
      response.writeHead(request.url === '/v1/models' ? status : 404).end(answer);
    });
    const health = async (): Promise<unknown> => {
      const said = await call(replica, '/healthz');
      return said.ok || (await said.json());
    };
    expect(await health()).toBe(true);
    answer = '{"data":[{"id":"other"}]}';
    expect(await health()).toMatchObject({ error: { message: 'the server has no model llama; it lists other' } });
    status = 500;
    expect(await health()).toMatchObject({ error: { message: expect.stringContaining('answered 500') } });
    stop();
    expect(await replica.isHealthy()).toBe(false);
  });
});

describe('[P83] the server of an agent', () => {
  it('is read from the environment', () => {
    expect(serverBesideIn({})).toBeUndefined();
    const named = { SLUICE_AGENT_SERVER: 'http://127.0.0.1:8000/v1/' };
    expect(serverBesideIn(named)).toEqual({ url: 'http://127.0.0.1:8000/v1' });
    expect(serverBesideIn({ ...named, SLUICE_AGENT_SERVER_KEY: 'k' })).toEqual({ url: 'http://127.0.0.1:8000/v1', key: 'k' });
  });

  it.each(['127.0.0.1:8000', 'ftp://a/v1', 'http://a/v1?b', 'http://u:p@a/v1', 'no url'])('is no %s', (text) => {
    expect(() => serverBesideIn({ SLUICE_AGENT_SERVER: text })).toThrow('SLUICE_AGENT_SERVER');
  });
});
