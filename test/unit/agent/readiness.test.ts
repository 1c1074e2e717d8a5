import { request } from 'node:http';
import { networkInterfaces } from 'node:os';

import { afterEach, describe, expect, it } from 'vitest';

import { runAgent } from '../../../workers/agent/agent.ts';
import { Refused } from '../../../workers/agent/pool-client.ts';
import type { PoolClient } from '../../../workers/agent/pool-client.ts';
import { Readiness, readyPortIn, serveReadiness } from '../../../workers/agent/readiness.ts';
import { AgentProcesses } from '../../../workers/local/agent-processes.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function served(readiness: Readiness) {
  const { port, server } = await serveReadiness(readiness, 0);
  open.push(server);
  return async (path = '/readyz', method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { status: answer.status, body: await answer.json() };
  };
}

const NO_MODELS = { held: () => [], unload: async () => {} };

describe('[P90] an agent', () => {
  it('is ready from its registration on, as long as its pool answers', async () => {
    const clock = { ms: 0 };
    const readiness = new Readiness(() => clock.ms);
    const get = await served(readiness);
    expect(await get()).toEqual({ status: 503, body: { status: 'unavailable', running: 0, reason: 'has not registered yet' } });
    expect((await get('/healthz')).status).toBe(200);
    readiness.answered();
    readiness.running = 2;
    expect(await get('/readyz?verbose')).toEqual({ status: 200, body: { status: 'ready', running: 2 } });
    clock.ms += 60_001;
    expect(await get()).toMatchObject({ status: 503, body: { reason: 'the pool has not answered for 60 s' } });
    readiness.answered();
    readiness.lost('the gateway is away');
    expect(await get()).toMatchObject({ status: 503, body: { reason: 'the gateway is away' } });
    expect((await get('/other')).status).toBe(404);
    expect((await get('/readyz', 'POST')).status).toBe(405);
  });

  it('answers on the loopback interface alone', async () => {
    const { port, server } = await serveReadiness(new Readiness(), 0);
    open.push(server);
    const outside = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    for (const { address, internal, family } of outside.filter((one) => !one.internal && one.family === 'IPv4')) {
      expect([internal, family]).toEqual([false, 'IPv4']);
      const refused = new Promise((resolve) => request({ host: address, port }).once('error', resolve).end());
      expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
    }
    expect(server.address()).toMatchObject({ address: '127.0.0.1' });
  });

  it('says so while it works for its pool, and what is wrong when it does not', async () => {
    const readiness = new Readiness();
    const stop = new AbortController();
    const faults: (string | undefined)[] = [];
    const lease = async (_agent: string, waitMs: number) => {
      if (waitMs > 0) faults.push(readiness.fault);
      if (faults.length === 1) throw new Error('the gateway is away');
      stop.abort();
      return { assignment: null, unload: [] };
    };
    const client = { register: async () => ({ agent: 'agt_1', lease_ms: 1, heartbeat_ms: 1 }), lease } as unknown as PoolClient;
    const running = runAgent({
      client,
      models: NO_MODELS,
      runners: {},
      secrets: [],
      machine: { name: 'a' },
      stopped: stop.signal,
      readiness,
    });
    await running;
    expect(faults).toEqual([undefined, 'Error: the gateway is away']);
    expect(readiness.fault).toBeUndefined();
    const unknown = { register: () => Promise.reject(new Refused({ error: { code: 'invalid_api_key', message: 'no' } } as never)) };
    const ended = runAgent({
      client: unknown as never,
      models: NO_MODELS,
      runners: {},
      secrets: [],
      machine: { name: 'a' },
      stopped: new AbortController().signal,
      readiness,
    });
    await expect(ended).rejects.toThrow('invalid_api_key');
    expect(readiness.fault).toContain('invalid_api_key');
  });

  it.each(['x', '-1', '65536', '1.5'])('does not start with the port %j', (port) => {
    expect(() => readyPortIn({ SLUICE_AGENT_READY_PORT: port })).toThrow('SLUICE_AGENT_READY_PORT');
    expect([readyPortIn({}), readyPortIn({ SLUICE_AGENT_READY_PORT: '0' })]).toEqual([undefined, 0]);
  });

  it('that hangs is replaced; one that is only not ready is left alone', async () => {
    // Nothing listens there: the agent is never ready, and answers all the same.
    const place = { url: 'http://127.0.0.1:9', pool: 'pool_x', agentToken: 't', name: 'hanging' };
    const agents = new AgentProcesses(place, { everyMs: 100, answerMs: 10_000, silencesMax: 1 });
    try {
      agents.want(1);
      await expect.poll(() => agents.answersCount, { timeout: 60_000 }).toBeGreaterThan(2);
      expect(agents.startedCount).toBe(1);
      const [hung] = agents.pids;
      process.kill(hung!, 'SIGSTOP');
      await expect.poll(() => agents.startedCount, { timeout: 90_000 }).toBe(2);
      expect(agents.pids).not.toContain(hung);
    } finally {
      await agents.stop();
    }
  });
});
