import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { GUARDRAIL_LIMITS } from '../../src/contract/guardrails/guardrail-limits.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { LongCall, Waits } from '../support/deployment/long-calls.ts';
import { ASKED_NAMES, download, impatientCalls, LONG_CALL_NAMES, longCalls } from '../support/deployment/long-calls.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import { scripted } from '../support/upstreams/script.ts';

// Every kind of call that lasts, and what may end its right: all calls of a key are under way at once, in one isolate, and another isolate ends it.

const WAIT = { timeout: 60_000, interval: 50 };
const FILE_BYTES = 16 * 1024 * 1024;
const ENDINGS = ['revoked', 'suspended', 'erased'] as const;

type UnderWay = Awaited<ReturnType<typeof underWay>>;

let upstream: MockUpstream;
let judge: HttpServer;
let server: Deployment;
let admin: ApiClient;
/** The isolate that ends what runs in the other. */
let elsewhere: ApiClient;
let judged: string[] = [];
/** What the other isolate serves for a caller whose right lasts. */
let neighbour: TestTenant;

beforeAll(async () => {
  upstream = await startMockUpstream();
  // It never answers.
  judge = createServer((request) => void text(request).then((body) => judged.push(body))).listen(0, '127.0.0.1');
  await once(judge, 'listening');
  const { port } = judge.address() as AddressInfo;
  server = await deploy(2, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port},127.0.0.1:${port}` });
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  elsewhere = new ApiClient(server.urls[1] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const terms = { context_tokens: 100_000, output_tokens_max: 1_000 };
  const chats = { ...terms, name: 'small', serves: ['chat', 'completions', 'responses'] };
  const vectors = { ...terms, name: 'vectors', serves: ['embeddings', 'rerank', 'moderations'] };
  const common = { protocol: 'openai', base_url: upstream.baseUrl };
  for (const more of [
    { name: 'lab', models: [chats, vectors] },
    { name: 'narrow', models: [chats], limits: { concurrency: 1 } },
    ...ENDINGS.map((ending) => ({ name: `busy-${ending}`, models: [chats] })),
    { name: 'claude', protocol: 'anthropic', models: [{ ...terms, name: 'small', serves: ['chat'] }] },
  ]) {
    const { status, body } = await admin.post('/v1/upstreams', { ...common, ...more });
    expect(status, JSON.stringify(body)).toBe(201);
  }
  const small = { kind: 'targets', groups: [[{ target: 'lab/small' }]] };
  const hook = {
    kind: 'webhook',
    name: 'judge',
    on: 'request',
    timeout_ms: GUARDRAIL_LIMITS.guardrailWebhookMsMax,
    url: `http://127.0.0.1:${port}/`,
  };
  const student = {
    kind: 'cascade',
    student: small.groups,
    teacher: [[{ target: 'claude/small' }]],
    confidence: { kind: 'token-probability' },
    threshold: 0.8,
  };
  for (const route of [
    { name: 'taught', default: student },
    { name: 'masked', default: small, guardrails: [{ kind: 'pii', name: 'people', action: 'mask', restores: true }] },
    { name: 'judged', default: small, guardrails: [hook] },
  ]) {
    const { status, body } = await admin.post('/v1/routes', route);
    expect(status, JSON.stringify(body)).toBe(200);
  }
  neighbour = await createTenant(server, { scopes: SCOPES });
  // It has the one place that there is.
  void ask('narrow/small', scripted({ hang: 'head' }, 'the place')).catch(() => undefined);
  await vi.waitFor(async () => expect((await upstream.truth()).requests).toBe(1), WAIT);
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
  judge.closeAllConnections();
  judge.close();
});

const ask = (model: string, content: string) =>
  neighbour.client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content }] });

/** How many requests of the upstream have this in their body, and how many of those are not over. */
async function askedFor(mark: string): Promise<{ readonly asked: number; readonly open: number }> {
  const asked = (await upstream.truth()).latest.filter(({ body }) => JSON.stringify(body).includes(mark));
  return { asked: asked.length, open: asked.filter(({ end }) => end === 'open').length };
}

async function waiting(): Promise<number> {
  const metrics = String((await admin.get('/metrics')).body);
  return Number(/^sluice_upstream_waiting_requests(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1] ?? 0);
}

/** All kinds of calls under way, of a tenant of its own. */
async function underWay(at: string) {
  const tenant = await createTenant(server, { scopes: SCOPES });
  const { client } = tenant;
  const [made, indexed, job] = await Promise.all([
    client.post('/v1/keys', { name: 'held', owner: 'testers', scopes: SCOPES }),
    client.post('/v1/indexes', { name: 'streamed', dimensions: 2, owner: 'testers' }),
    client.post('/v1/jobs', { kind: 'command', argv: ['true'], owner: 'testers' }),
  ]);
  expect([made.status, indexed.status, job.status], JSON.stringify(job.body)).toEqual([201, 201, 201]);
  const waits: Waits = { waiting, judged: () => judged, index: 'streamed', job: job.body.id };
  const held = new ApiClient(client.url, made.body.key);
  const calls: LongCall[] = [];
  const ended = new Set<string>();
  const begin = async (of: typeof longCalls): Promise<void> => {
    const begun = of(held, upstream, waits, at);
    calls.push(...begun);
    for (const { name, over } of begun) void over.finally(() => ended.add(name)).catch(() => undefined);
    for (const { name, hasBegun } of begun) await vi.waitFor(async () => expect(await hasBegun(), `${name} has begun`).toBe(true), WAIT);
  };
  await begin(longCalls);
  return { tenant, held, keyId: made.body.id as string, calls, ended, beginLast: () => begin(impatientCalls) };
}

/** Status and code that each call has ended with. */
async function endsOf({ calls }: UnderWay): Promise<Record<string, string>> {
  const ends = calls.map(async ({ name, over }) => {
    const { status, text: said } = await over;
    const tail = said.slice(-600);
    const [, code = tail.slice(-200)] = /"code":"(\w+)"/.exec(tail) ?? /\((\w+)\)\]/.exec(tail) ?? [];
    return [name, `${status} ${code}`];
  });
  return Object.fromEntries(await Promise.all(ends)) as Record<string, string>;
}

function expected(code: string, status: number): Record<string, string> {
  const isBegun = (name: string): boolean => /^(a (relayed|passed|translated|stream|guarded)|an import|(events|logs) of)/.test(name);
  return Object.fromEntries(LONG_CALL_NAMES.map((name) => [name, `${isBegun(name) ? 200 : status} ${code}`]));
}

const marksOf = ({ calls }: UnderWay): string[] => calls.flatMap(({ mark }) => mark ?? []);

/** How often an upstream was asked for each call. */
const askedOf = async (sets: readonly UnderWay[]): Promise<number[]> =>
  Promise.all(sets.flatMap(marksOf).map(async (mark) => (await askedFor(mark)).asked));

/** A slow download of a large file: its first piece has been read. */
async function slowDownload({ tenant, held }: UnderWay) {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([new Uint8Array(FILE_BYTES)]), 'large');
  const { promise: readOn, resolve: goOn } = Promise.withResolvers<void>();
  const file = download(held, (await tenant.client.call('POST', '/v1/files', form)).body.id, readOn);
  await vi.waitFor(() => expect(file.hasBegun()).toBe(true), WAIT);
  return { file, goOn };
}

describe('every kind of call under way', () => {
  let sets: Record<(typeof ENDINGS)[number], UnderWay>;
  let slow: Awaited<ReturnType<typeof slowDownload>>;
  /** What has ended before anything was to end. */
  let early: string[];
  let placesWaitedFor: number;
  let ends: Record<string, Record<string, string>>;
  /** When the erasure was answered. */
  let erasure: { readonly body: unknown; readonly ended: readonly string[]; readonly open: number };

  async function erase(of: UnderWay): Promise<void> {
    const { body } = await elsewhere.post(`/v1/tenants/${of.tenant.id}/erase`, undefined);
    const ended = [...of.ended];
    const open = await Promise.all(marksOf(of).map(async (mark) => (await askedFor(mark)).open));
    erasure = { body, ended, open: open.reduce((sum, count) => sum + count) };
  }

  async function endAll({ revoked, suspended, erased }: typeof sets): Promise<void> {
    const owner = new ApiClient(elsewhere.url, revoked.tenant.client.apiKey);
    const [revocation, suspension] = await Promise.all([
      owner.delete(`/v1/keys/${revoked.keyId}`),
      elsewhere.post(`/v1/tenants/${suspended.tenant.id}/suspend`, undefined),
      erase(erased),
    ]);
    expect([revocation.status, suspension.status]).toEqual([200, 200]);
  }

  beforeAll(async () => {
    const made = await Promise.all(ENDINGS.map(async (ending) => [ending, await underWay(ending)] as const));
    sets = Object.fromEntries(made) as typeof sets;
    slow = await slowDownload(sets.erased);
    await Promise.all(made.map(([, { beginLast }]) => beginLast()));
    placesWaitedFor = await waiting();
    early = Object.values(sets).flatMap(({ ended }) => [...ended]);
    await endAll(sets);
    ends = Object.fromEntries(await Promise.all(ENDINGS.map(async (ending) => [ending, await endsOf(sets[ending])])));
  });

  it('[T121] lasts as long as its right', () => {
    expect(sets.revoked.calls.map(({ name }) => name).toSorted()).toEqual(LONG_CALL_NAMES.toSorted());
    expect(early).toEqual([]);
    expect(placesWaitedFor).toBe(ENDINGS.length);
  });

  it('[T121] ends with the refusal once its key is revoked, or its tenant suspended or erased', () => {
    const refused = expected('tenant_suspended', 403);
    expect(ends).toEqual({ revoked: expected('invalid_api_key', 401), suspended: refused, erased: refused });
  });

  it('[T122] has ended when an erasure says that it is verified', async () => {
    expect(erasure.body).toMatchObject({ state: 'erased', verified: true });
    expect(LONG_CALL_NAMES.filter((name) => !erasure.ended.includes(name))).toEqual([]);
    expect(erasure.open).toBe(0);
    // A reader that does not read learns it when it does.
    slow.goOn();
    expect((await slow.file.over).text).toBe('broken off');
  });

  it('[T121] asks no upstream for anything more', async () => {
    const all = Object.values(sets);
    for (const mark of all.flatMap(marksOf)) await expect.poll(() => askedFor(mark), { ...WAIT, message: mark }).toMatchObject({ open: 0 });
    const before = await askedOf(all);
    expect(before.reduce((sum, asked) => sum + asked)).toBeGreaterThan(ENDINGS.length * 15);
    for (const ending of ENDINGS) await upstream.open(ending);
    // A call is logged when all that was made for it is over.
    const logged = async () => {
      const { data } = (await sets.revoked.tenant.client.get('/v1/requests?limit=100')).body;
      return (data as { code: string | null }[]).filter(({ code }) => code === 'invalid_api_key').length;
    };
    await expect.poll(logged, WAIT).toBe(ASKED_NAMES.length);
    expect(await askedOf(all)).toEqual(before);
    expect(await waiting()).toBe(0);
  });
});
