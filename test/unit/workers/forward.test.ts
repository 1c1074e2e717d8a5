import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CONTROL_ENDPOINTS } from '../../../src/contract/control-endpoints.ts';
import type { Endpoint } from '../../../src/contract/endpoint.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { refusal } from '../../../src/contract/errors.ts';
import type { ForwardedWorker, Forwarding } from '../../../src/contract/forwarded-paths.ts';
import { FORWARDED_PREFIXES } from '../../../src/contract/forwarded-paths.ts';
import { PLANNING_ENDPOINTS } from '../../../src/contract/planning-endpoints.ts';
import { mountsOf } from '../../../src/contract/surface.ts';
import { UPSTREAM_ENDPOINTS } from '../../../src/contract/upstream-endpoints.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { Gateway } from '../../../workers/gateway/compose.ts';
import type { ForwardedBinding } from '../../../workers/gateway/forwarded-worker.ts';
import { forwardedWorker, haveSameSecrets } from '../../../workers/gateway/forwarded-worker.ts';
import { buildGatewayApp } from '../../../workers/gateway/gateway-app.ts';
import { Metrics, metricsText } from '../../../workers/gateway/metrics.ts';

const calls: string[] = [];
const forwarded: Request[] = [];
/** Which Worker got each of them. */
const receivers: ForwardedWorker[] = [];
let answerOfWorker: () => Promise<Response>;

const receiving = (worker: ForwardedWorker) => ({
  forward: (request: Request) => {
    forwarded.push(request);
    receivers.push(worker);
    calls.push('forward');
    return answerOfWorker();
  },
});

const gateway = {
  metrics: { count: (name: string, labels: object) => calls.push(`${name} ${JSON.stringify(labels)}`), observe: () => {} },
  readiness: { sawRefusal: () => {} },
  region: { see: () => {} },
  budget: { rates: () => [] },
  authenticator: {
    forgetRelatives: (id: string) => calls.push(`forget ${id}`),
    present: async (key: string) => ({
      prove: async () =>
        key === 'valid' ? ok({ principal: { kind: 'tenant', tenantId: 'tn_1' } }) : err(refusal('invalid_api_key', 'the key is not valid')),
    }),
  },
  countCall: ({ tenantId }: { tenantId: string }, endpoint: string, counter: string) => calls.push(`${tenantId} ${endpoint} ${counter}`),
  tenancy: { flush: async () => void calls.push('flush') },
  forwarded: { control: receiving('control'), upstreams: receiving('upstreams'), planning: receiving('planning') },
};
const app = buildGatewayApp(() => gateway as unknown as Gateway);
const context = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext;
const call = async (path: string, init: RequestInit = {}): Promise<Response> =>
  app.fetch(new Request(`https://sluice.test${path}`, init), { LOG_LEVEL: 'warn' }, context);

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  calls.length = 0;
  forwarded.length = 0;
  receivers.length = 0;
  answerOfWorker = () => Promise.resolve(new Response('from there'));
});
afterEach(() => void vi.restoreAllMocks());

const filled = (path: string): string => path.replaceAll(/\/:\w+/g, '/x1');

describe('a request under the path of another Worker', () => {
  it('[G62] is forwarded, and no other: each endpoint has one Worker', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    for (const { method, path } of Object.values<Endpoint>(ENDPOINTS)) {
      const tables = { control: CONTROL_ENDPOINTS, upstreams: UPSTREAM_ENDPOINTS, planning: PLANNING_ENDPOINTS };
      const workers = Object.entries(tables).filter(([, table]) =>
        Object.values<Endpoint>(table).some((endpoint) => endpoint.path === path),
      );
      for (const mounted of mountsOf(path)) {
        receivers.length = 0;
        await call(filled(mounted), { method }).catch(() => undefined);
        expect(receivers, `${method} ${mounted}`).toEqual(workers.map(([worker]) => worker));
      }
    }
  });

  it('[G62] reaches that Worker as it came, and its answer comes back as it is', async () => {
    const given = new Response(new ReadableStream(), { status: 202, headers: { 'x-request-id': 'mine' } });
    answerOfWorker = () => Promise.resolve(given);
    const request = new Request('https://sluice.test/v1/files?after=a%2Fb', {
      method: 'POST',
      body: new ReadableStream(),
      headers: { authorization: 'Bearer valid', 'x-mark': 'kept' },
      duplex: 'half',
    } as RequestInit);
    expect(await app.fetch(request, {}, context)).toBe(given);
    expect(forwarded[0]).toBe(request);
    expect(request.bodyUsed).toBe(false);
    // That Worker counts it.
    expect(calls).toEqual(['forward']);
  });

  it('[G62] is forwarded whatever its method and the rest of its path', async () => {
    for (const method of ['GET', 'PUT', 'OPTIONS', 'DELETE', 'HEAD']) await call('/v1/jobs/none/at/all', { method });
    expect(forwarded.map(({ method }) => method)).toEqual(['GET', 'PUT', 'OPTIONS', 'DELETE', 'HEAD']);
    expect((await call('/v1/jobsx')).status).toBe(404);
    expect(forwarded.length).toBe(5);
  });

  it('[G63] is refused as `unavailable` while that Worker cannot be reached', async () => {
    answerOfWorker = () => Promise.reject(new Error('service is gone'));
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const answer = await call('/v1/jobs/job_1', { headers: { 'x-request-id': 'mine' } });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('x-request-id')).toBe('mine');
    expect(answer.headers.get('x-should-retry')).toBe('true');
    expect(await answer.json()).toMatchObject({ error: { code: 'unavailable', message: expect.stringContaining('the control Worker') } });
    expect(await (await call('/v1/upstreams')).json()).toMatchObject({
      error: { message: expect.stringContaining('the upstreams Worker') },
    });
    expect(calls).toContain('sluice_requests_total {"route":"/v1/jobs/*","method":"GET","status":503}');
    expect(String(logged.mock.calls)).toContain('service is gone');
    expect((await call('/healthz')).status).toBe(200);
  });

  it('[SL13] has failed for its caller, if there is one, and is refused also if no key can be verified', async () => {
    answerOfWorker = () => Promise.reject(new Error('service is gone'));
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const failed = async (authorization: string) => {
      calls.length = 0;
      const { status } = await call('/v1/chat/completions', { method: 'POST', headers: { authorization } });
      return [status, ...calls.filter((line) => line.startsWith('tn_1'))];
    };
    expect(await failed('Bearer valid')).toEqual([503, 'tn_1 POST /v1/chat/* failed']);
    expect(await failed('Bearer other')).toEqual([503]);
    const { present } = gateway.authenticator;
    gateway.authenticator.present = () => Promise.reject(new Error('the keys are gone, too'));
    expect(await failed('Bearer valid')).toEqual([503]);
    gateway.authenticator.present = present;
  });

  it('[G64] delivers what this gateway has counted before usage is reported, to a valid key', async () => {
    for (const [prefix, { reportsUsage }] of Object.entries<Forwarding>(FORWARDED_PREFIXES)) {
      calls.length = 0;
      await call(`${prefix}/x`, { headers: { authorization: 'Bearer valid' } });
      expect(calls, prefix).toEqual(reportsUsage === true ? ['flush', 'forward'] : ['forward']);
      calls.length = 0;
      await call(`${prefix}/x`, { headers: { authorization: 'Bearer other' } });
      await call(`${prefix}/x`);
      expect(calls, prefix).toEqual(['forward', 'forward']);
    }
    expect(Object.values<Forwarding>(FORWARDED_PREFIXES).filter(({ reportsUsage }) => reportsUsage).length).toBeGreaterThan(0);
  });
});

describe('a change of a key', () => {
  const changed = [
    ['POST', '/v1/keys/key_1/rotate'],
    ['DELETE', '/v1/keys/key_1'],
  ] as const;

  it.each(changed)('[T5] [T7] that this isolate passed on holds in it at once: %s %s', async (method, path) => {
    await call(path, { method });
    expect(calls).toEqual(['forward', 'forget key_1']);
  });

  it('[T5] that was refused, a look, or a new key, drops nothing that is remembered', async () => {
    await call('/v1/keys/key_1');
    await call('/v1/keys', { method: 'POST' });
    answerOfWorker = () => Promise.resolve(new Response('', { status: 403 }));
    for (const [method, path] of changed) await call(path, { method });
    expect(new Set(calls)).toEqual(new Set(['forward']));
  });
});

describe('what the gateway asks of a Worker that it forwards to', () => {
  const secrets = {
    SLUICE_ADMIN_KEY: 'an admin key of thirty-two characters',
    SLUICE_KEY_PEPPER: 'a pepper of at least thirty-two characters',
  };
  const bound = (binding: object) => forwardedWorker('control', binding as ForwardedBinding, secrets);

  it('[G65] metrics of both Workers are one text, in which each name comes once', async () => {
    const [own, others] = [new Metrics(), new Metrics()];
    for (const metrics of [own, others]) {
      metrics.count('requests_total', { route: '/a' });
      metrics.observe('seconds', {}, 0.5, [1]);
      metrics.gauge('bytes', {}, () => 7);
    }
    const control = bound({ metrics: async () => others.families() });
    expect(metricsText([...own.families(), ...(await control.metrics())])).toBe(
      [
        '# TYPE bytes gauge',
        'bytes{} 7',
        'bytes{worker="control"} 7',
        '# TYPE requests_total counter',
        'requests_total{route="/a"} 1',
        'requests_total{worker="control",route="/a"} 1',
        '# TYPE seconds histogram',
        'seconds_bucket{le="1"} 1',
        'seconds_bucket{le="+Inf"} 1',
        'seconds_sum{} 0.5',
        'seconds_count{} 1',
        'seconds_bucket{worker="control",le="1"} 1',
        'seconds_bucket{worker="control",le="+Inf"} 1',
        'seconds_sum{worker="control"} 0.5',
        'seconds_count{worker="control"} 1',
        '',
      ].join('\n'),
    );
    const silent = bound({ metrics: () => Promise.reject(new Error('gone')) });
    expect(await silent.metrics()).toEqual([]);
  });

  it('[G66] whether it is ready, which it is only with the same two secrets, and if it answers', async () => {
    const ready = (of: object) => bound({ ready: (fingerprint: string) => haveSameSecrets(fingerprint, { ...secrets, ...of }) }).ready();
    expect(await ready({})).toEqual(ok(null));
    for (const other of [{ SLUICE_ADMIN_KEY: 'x' }, { SLUICE_KEY_PEPPER: 'x' }, { SLUICE_ADMIN_KEY: undefined }]) {
      expect(await ready(other)).toMatchObject({
        ok: false,
        error: { code: 'unavailable', message: expect.stringContaining('different secrets') },
      });
    }
    const gone = bound({ ready: () => Promise.reject(new Error('gone')) });
    expect(await gone.ready()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });
});
