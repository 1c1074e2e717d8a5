import { afterAll, beforeAll, expect, it } from 'vitest';

import { promptTextOf } from '../../src/upstreams/money/prompt-text.ts';
import { promptSizeOf } from '../../src/upstreams/money/prompt-size.ts';
import type { RequestBound } from '../../src/upstreams/money/request-bound.ts';
import { answerTermsOf, boundOf } from '../../src/upstreams/money/request-bound.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';
import { targetOf } from '../support/upstreams/target.ts';
import { encodingFor } from '../support/upstreams/token-counts.ts';

// Money and limits of calls to upstreams, through two gateways, against a scripted server of models.

const STREAMS = process.env['SLUICE_TEST_FULL'] === '1' ? 1_000 : 120;
const PRICES = { input: 2_500_000_000, cached_input: 1_250_000_000, output: 10_000_000_000, request: 7 };
const SERVES = ['chat', 'completions', 'responses', 'moderations', 'embeddings', 'rerank'];
const model = { context_tokens: 8_192, output_tokens_max: 64, serves: SERVES, prices: PRICES };
/** The same as the bounds know it. */
const MODEL = targetOf({
  model: {
    contextTokens: 8_192,
    outputTokensMax: 64,
    prices: { inputNano: PRICES.input, cachedInputNano: PRICES.cached_input, outputNano: PRICES.output, requestNano: PRICES.request },
  },
}).model;
/** Of a request, whichever it is. */
const REQUEST_NANO = 150;

let mock: MockUpstream;
let server: Deployment;
let admin: ApiClient;

beforeAll(async () => {
  mock = await startMockUpstream();
  server = await deploy(2, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${mock.port}` });
  admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  // A stream whose caller's leaving goes unnoticed ends then, and is settled.
  const timeouts = { idle_ms: 5_000 };
  const models = ['whole', 'silent', 'cut'].map((name) => ({ ...model, name }));
  const created = await admin.post('/v1/upstreams', { name: 'mock', protocol: 'openai', base_url: mock.baseUrl, models, timeouts });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  const claude = { name: 'claude', protocol: 'anthropic', base_url: mock.baseUrl, models: [{ ...model, serves: ['chat'], name: 'told' }] };
  expect((await admin.post('/v1/upstreams', claude)).status).toBe(201);
});

afterAll(async () => {
  await server.stop();
  await mock.kill();
});

const chatOf = (name: string, script: Script, more: object = {}) => ({
  model: `mock/${name}`,
  messages: [{ role: 'user', content: scripted(script) }],
  max_tokens: 20,
  ...more,
});

function boundFor(body: ReturnType<typeof chatOf>): RequestBound {
  const size = promptSizeOf('chat', body, Buffer.byteLength(JSON.stringify(body)));
  const terms = answerTermsOf('chat', body);
  if (!terms.ok) throw new Error('the request is bounded');
  const bound = boundOf(MODEL, 'chat', size, terms.value);
  if (!bound.ok) throw new Error(bound.error.message);
  return bound.value;
}

/** What a tenant has used, by model and meter. */
async function ledgerOf(tenant: TestTenant): Promise<Record<string, number>> {
  const { data } = (await admin.get(`/v1/usage?tenant=${tenant.id}&group_by=model`)).body;
  return Object.fromEntries(
    data.map((line: Record<string, unknown>) => [`${String(line['model'])} ${String(line['meter'])}`, line['quantity']]),
  );
}

const sumOf = (ledger: Record<string, number>, pattern: RegExp): number =>
  Object.entries(ledger).reduce((sum, [name, quantity]) => (pattern.test(name) ? sum + quantity : sum), 0);

async function grantedTo(tenant: TestTenant, resource: string, window: string): Promise<number> {
  const { granted } = (await admin.get(`/v1/quotas?tenant=${tenant.id}`)).body;
  return granted.find((row: Record<string, unknown>) => row['resource'] === resource && row['window'] === window)?.granted ?? 0;
}

const limited = (resource: string, window: string, limit: number) => ({ resource, window, limit });

it('[U75] [U78] a call costs the same in its header, its log and the ledger, a passed stream too', async () => {
  const tenant = await createTenant(server, { scopes: ['inference', 'requests:read'] });
  const usage = { input: 100, cached: 40, output: 3 };
  const costNano = 60 * 2_500 + 40 * 1_250 + 3 * 10_000 + 7 + REQUEST_NANO;
  const usd = `0.${String(costNano).padStart(9, '0')}`;
  const whole = await tenant.client.post('/v1/chat/completions', chatOf('whole', { usage, tokens: 3 }));
  expect([whole.status, whole.headers.get('x-sluice-cost-usd'), whole.headers.get('x-sluice-model')]).toEqual([200, usd, 'mock/whole']);
  const streamed = { stream: true, stream_options: { include_usage: true } };
  const stream = await post(server.urls[1]!, tenant, chatOf('whole', { usage, tokens: 3 }, streamed));
  expect(stream.headers.get('x-sluice-cost-usd')).toBeNull();
  expect(await stream.text(), 'it is passed through as it came').not.toContain('sluice');
  await expect
    .poll(() => ledgerOf(tenant), { timeout: 60_000, interval: 200 })
    .toEqual({
      'mock/whole requests': 2,
      'mock/whole upstream_input_tokens': 120,
      'mock/whole upstream_cached_tokens': 80,
      'mock/whole upstream_output_tokens': 6,
      'mock/whole upstream_nano': 2 * (costNano - REQUEST_NANO),
    });
  const month = new Date().toISOString().slice(0, 7);
  const { lines, total_usd: total } = (await admin.get(`/v1/invoices/${month}?organisation=${tenant.organisation}`)).body;
  expect(lines).toContainEqual(
    expect.objectContaining({ meter: 'upstream_nano', model: 'mock/whole', quantity: 2 * (costNano - REQUEST_NANO) }),
  );
  expect(total).toBe(`0.${String(2 * costNano).padStart(9, '0')}`);
  // Last, as looking at the log is a request, too.
  const logged = async () => (await tenant.client.get(`/v1/requests/${stream.headers.get('x-request-id') ?? ''}`)).body.cost_usd;
  await expect.poll(logged).toBe(usd);
});

it('[U194] what a stream says of its cost is in its log and in the ledger', async () => {
  const tenant = await createTenant(server, { scopes: ['inference', 'requests:read'] });
  const asked = chatOf(
    'told',
    { usage: { input: 100, cached: 40, output: 3 }, tokens: 3 },
    { stream: true, stream_options: { include_usage: true } },
  );
  const stream = await post(server.urls[0]!, tenant, { ...asked, model: 'claude/told' });
  const [, usd = ''] = /"sluice":\{"cost_usd":"([\d.]+)"\}/.exec(await stream.text()) ?? [];
  expect(Number(usd.replace('.', ''))).toBe(60 * 2_500 + 40 * 1_250 + 3 * 10_000 + 7 + REQUEST_NANO);
  const logged = async () => (await tenant.client.get(`/v1/requests/${stream.headers.get('x-request-id') ?? ''}`)).body.cost_usd;
  await expect.poll(logged).toBe(usd);
  const charged = async () => sumOf(await ledgerOf(tenant), /^claude.told upstream_nano$/) + REQUEST_NANO;
  await expect.poll(charged, { timeout: 60_000, interval: 200 }).toBe(Number(usd.replace('.', '')));
});

const post = (url: string, tenant: TestTenant, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.client.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

/** Reads a stream to its end, or goes away after its first piece. */
async function streamOf(at: number, tenant: TestTenant): Promise<'served' | 'refused'> {
  const kind = (['whole', 'silent', 'cut', 'whole', 'dies', 'cut'] as const)[at % 6]!;
  const script: Script = {
    whole: { tokens: 5 + (at % 7) },
    silent: { tokens: 8, usage: false as const },
    cut: { tokens: 9, hang: 3 },
    dies: { tokens: 9, dieAfterTokens: 4 },
  }[kind];
  const leaving = new AbortController();
  const name = kind === 'dies' ? 'cut' : kind;
  const answer = await post(server.urls[at % 2]!, tenant, chatOf(name, script, { stream: true }), leaving.signal);
  if (answer.status === 429) {
    await answer.body?.cancel();
    return 'refused';
  }
  expect(answer.status).toBe(200);
  if (kind === 'cut') {
    const reader = answer.body!.getReader();
    await reader.read();
    leaving.abort();
    await reader.read().catch(() => undefined);
  } else await answer.text().catch(() => '');
  return 'served';
}

it('[U70] [U75] [U76] [T20] concurrent streams, also broken ones, keep to a budget and a quota exactly', async () => {
  await mock.reset();
  const tenant = await createTenant(server);
  const { inputTokensMax, outputTokensMax, nanoMax } = boundFor(chatOf('silent', { tokens: 8, usage: false }, { stream: true }));
  // So many streams may be under way at once; all together use more than that.
  const share = STREAMS / 20;
  const tokens = share * (inputTokensMax + outputTokensMax);
  const nano = 2 * share * nanoMax;
  await admin.put('/v1/quotas', { tenant: tenant.id, rules: [limited('tokens', 'month', tokens), limited('spend_nano', 'month', nano)] });
  const outcomes = await Promise.all(Array.from({ length: STREAMS }, (_, at) => streamOf(at, tenant)));
  const served = outcomes.filter((outcome) => outcome === 'served').length;
  expect(served).toBeGreaterThanOrEqual(share - 1);
  expect(served).toBeLessThan(STREAMS);

  // Every stream that was let in has reached the upstream, and is settled, however it ended.
  await expect.poll(async () => (await mock.truth()).open, { timeout: 60_000, interval: 200 }).toBe(0);
  const truth = await mock.truth();
  // A stream that died before its first piece was asked for again.
  expect(truth.requests).toBeGreaterThanOrEqual(served);
  const settled = async () => sumOf(await ledgerOf(tenant), /^mock\/\w+ requests$/);
  await expect.poll(settled, { timeout: 60_000, interval: 200 }).toBe(served);
  const ledger = await ledgerOf(tenant);
  const billedTokens = sumOf(ledger, /upstream_\w+_tokens$/);
  const billedNano = sumOf(ledger, /upstream_nano$/) + REQUEST_NANO * sumOf(ledger, / requests$/);
  expect(billedTokens).toBeLessThanOrEqual(tokens);
  expect(billedNano).toBeLessThanOrEqual(nano);
  // What was not used has gone back: what the quota counts is what the ledger has, to the token and the nano-dollar.
  await expect.poll(() => grantedTo(tenant, 'tokens', 'month'), { timeout: 60_000, interval: 200 }).toBe(billedTokens);
  await expect.poll(() => grantedTo(tenant, 'spend_nano', 'month'), { timeout: 60_000, interval: 200 }).toBe(billedNano);

  // Where the upstream has reported its tokens the ledger has those, elsewhere those that were counted.
  const of = (name: string) => truth.latest.filter((one) => one.model === name);
  const sum = (calls: readonly { readonly inputTokens: number; readonly outputTokens: number }[], what: 'inputTokens' | 'outputTokens') =>
    calls.reduce((total, one) => total + one[what], 0);
  if (served <= 200) {
    expect(sumOf(ledger, /^mock\/whole upstream_(input|cached)_tokens$/)).toBe(sum(of('whole'), 'inputTokens'));
    expect(sumOf(ledger, /^mock\/whole upstream_output_tokens$/)).toBe(sum(of('whole'), 'outputTokens'));
    const encoding = await encodingFor('cl100k_base');
    const silent = promptTextOf(chatOf('silent', { tokens: 8, usage: false })).tokens((text) => encoding.count(text));
    expect(sumOf(ledger, /^mock\/silent upstream_input_tokens$/)).toBe(of('silent').length * silent);
    const said = Array.from({ length: 8 }, (_, at) => `t${at}`).join(' ');
    const counted = encoding.count(said);
    expect(sumOf(ledger, /^mock\/silent upstream_output_tokens$/)).toBe(of('silent').length * counted);
  }
}, 240_000);

it('[U72] [T21] of five calls at once, a quota with room for one lets one through (LiteLLM 18730)', async () => {
  await mock.reset();
  const tenant = await createTenant(server);
  const body = chatOf('whole', { tokens: 4, hold: { gate: 'five', afterTokens: 0 } });
  const { inputTokensMax, outputTokensMax } = boundFor(body);
  await admin.put('/v1/quotas', { tenant: tenant.id, rules: [limited('tokens', 'month', 2 * (inputTokensMax + outputTokensMax) - 1)] });
  const statuses: number[] = [];
  const calls = Array.from({ length: 5 }, async (_, at) => {
    const answer = await post(server.urls[at % 2]!, tenant, body);
    statuses.push(answer.status);
    await answer.text();
  });
  // The one that was let in waits for the gate; the others are refused while it does.
  await expect.poll(() => statuses.length, { timeout: 60_000 }).toBe(4);
  await mock.open('five');
  await Promise.all(calls);
  expect(statuses).toEqual([429, 429, 429, 429, 200]);
  expect((await mock.truth()).requests).toBe(1);
});

it('[T20] one budget holds for all isolates: chats and embeddings by two gateways (Bifrost 3547)', async () => {
  await mock.reset();
  const tenant = await createTenant(server);
  const body = chatOf('whole', { tokens: 2 });
  const { inputTokensMax, outputTokensMax } = boundFor(body);
  const limit = 10 * (inputTokensMax + outputTokensMax);
  await admin.put('/v1/quotas', { tenant: tenant.id, rules: [limited('tokens', 'month', limit)] });
  const embed = (at: number) =>
    new ApiClient(server.urls[at % 2]!, tenant.client.apiKey).post('/v1/embeddings', {
      model: 'glove-sif-100',
      input: 'water '.repeat(200),
    });
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      if (at % 3 === 0) return (await embed(at)).status;
      const answer = await post(server.urls[at % 2]!, tenant, body);
      await answer.text();
      return answer.status;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  const billed = async () => sumOf(await ledgerOf(tenant), /_tokens$/);
  await expect.poll(() => grantedTo(tenant, 'tokens', 'month'), { timeout: 60_000, interval: 500 }).toBeLessThanOrEqual(limit);
  await expect
    .poll(async () => (await billed()) - (await grantedTo(tenant, 'tokens', 'month')), { timeout: 60_000, interval: 500 })
    .toBe(0);
  expect(await billed()).toBeLessThanOrEqual(limit);
});

const said = { model: 'mock/whole', max_tokens: 9 };
it.each<[string, object]>([
  ['/v1/chat/completions', { ...said, messages: [{ role: 'user', content: 'x' }] }],
  ['/v1/chat/completions', { ...said, messages: [{ role: 'user', content: 'x' }], stream: true }],
  ['/v1/completions', { ...said, prompt: 'x' }],
  ['/v1/responses', { model: 'mock/whole', input: 'x', max_output_tokens: 16 }],
  ['/v1/messages', { ...said, messages: [{ role: 'user', content: 'x' }] }],
  ['/v1/moderations', { model: 'mock/whole', input: 'x' }],
  ['/v1/embeddings', { model: 'mock/whole', input: 'x' }],
  ['/v1/rerank', { model: 'mock/whole', query: 'x', documents: ['y', 'z'] }],
])('[U76] [T47] a spent budget stops %s before it reaches an upstream', async (path, body) => {
  await mock.reset();
  // Room for the request, and for 49 nano-dollars more.
  const tenant = await createTenant(server, { quota: { spend_nano: { month: REQUEST_NANO + 49 } } });
  const answer = await tenant.client.post(path, body);
  expect(answer.body.error.message).toContain('the quota of 0.000000199 US dollars a month of the tenant');
  expect([400, 429]).toContain(answer.status);
  expect((await mock.truth()).requests).toBe(0);
});
