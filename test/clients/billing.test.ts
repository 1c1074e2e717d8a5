import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verifyWebhook } from '../../src/tenancy/billing/webhook.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';
const PERIOD = new Date().toISOString().slice(0, 7);

let server: Server;
let admin: ApiClient;
let tenant: TestTenant;

beforeAll(async () => {
  server = await deploy(2, { LOG_LEVEL: 'warn', WEBHOOKS_OVER_HTTP: 'yes' });
  admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  tenant = await createTenant(server);
});

afterAll(() => server.stop());

const embed = (client: ApiClient, input: string) => client.post('/v1/embeddings', { model: MODEL, input });

/** Receives posts at a URL, after refusing the first `refusals` of them. */
async function receiver(refusals: number) {
  const got: { id: string; timestamp: string; signature: string; body: string; status: number }[] = [];
  const http = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const status = got.length < refusals ? 500 : 204;
      const header = (name: string): string => String(request.headers[name]);
      got.push({ id: header('webhook-id'), timestamp: header('webhook-timestamp'), signature: header('webhook-signature'), body, status });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { got, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hook`, stop: () => void http.close() };
}

async function until<T>(read: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const value = await read();
    if (isDone(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it never happens');
}

describe('an invoice', () => {
  it('[T43] [T48] [T50] is the same in JSON, CSV and HTML, adds up, and shows a tenant its own part', async () => {
    const other = await createTenant(server, { organisation: tenant.organisation });
    for (const { client } of [tenant, other, tenant]) await embed(client, 'one two three');
    await admin.post('/v1/charges', { organisation: tenant.organisation, description: 'Support', monthly_usd: '1', starts_at: 0 });
    const query = `organisation=${tenant.organisation}`;
    const read = async () => (await admin.get(`/v1/invoices/${PERIOD}?${query}`)).body;
    const embedding = (lines: { meter: string | null }[]) => lines.filter(({ meter }) => meter?.startsWith('embedding'));
    const invoice = await until(read, ({ lines }) => embedding(lines).length === 3);
    expect(invoice).toMatchObject({ state: 'draft', organisation: tenant.organisation, period: PERIOD });
    expect(embedding(invoice.lines).map((line) => 'quantity' in line && line.quantity)).toEqual([3, 3, 3]);
    const nano = (usd: string): bigint => BigInt(usd.replace('.', ''));
    const sum = (lines: { amount_usd: string }[]) => lines.reduce((total, line) => total + nano(line.amount_usd), 0n);
    expect(sum(invoice.lines)).toBe(nano(invoice.total_usd));

    const csv = (await admin.get(`/v1/invoices/${PERIOD}/csv?${query}`)).body as string;
    expect(csv.trim().split('\r\n')).toHaveLength(invoice.lines.length + 1);
    const page = await admin.get(`/v1/invoices/${PERIOD}/html?${query}`);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).toContain(invoice.total_usd);

    const proof = (await admin.get(`/v1/invoices/${PERIOD}/reconciliation?${query}`)).body;
    expect(proof).toMatchObject({ exact: true, lines_usd: invoice.subtotal_usd });
    expect(proof.events).toBeGreaterThan(3);
    expect((await admin.get(`/v1/invoices?${query}`)).body.data).toEqual([{ object: 'invoice.period', period: PERIOD }]);

    const own = (await other.client.get(`/v1/invoices/${PERIOD}`)).body;
    expect(new Set(own.lines.map((line: { tenant: string }) => line.tenant))).toEqual(new Set([other.id]));
    expect((await other.client.get(`/v1/invoices/${PERIOD}?organisation=${(await createTenant(server)).organisation}`)).status).toBe(404);
  });

  it('[T50] shows granted quota without usage as unreconciled, and never bills it', async () => {
    const lone = await createTenant(server, { quota: { requests: { day: 1000 }, tokens: { day: 100_000 } } });
    for (let call = 0; call < 5; call++) await embed(lone.client, 'one two');
    const { lines, unreconciled } = (await lone.client.get(`/v1/invoices/${PERIOD}`)).body;
    const requests = lines.find(({ meter }: { meter: string }) => meter === 'requests').quantity;
    expect(requests).toBe(5);
    // The isolate holds a slice, and this request itself is not billed yet.
    expect(unreconciled).toMatchObject([{ tenant: lone.id, requests: expect.any(Number) }]);
    const { granted } = (await lone.client.get('/v1/quotas')).body;
    const month = granted.find(({ resource, window }: Record<string, string>) => resource === 'requests' && window === 'month').granted;
    expect(month).toBeGreaterThanOrEqual(requests);
  });
});

describe('a budget', () => {
  it('[T46] [T49] posts each threshold signed until acknowledged; refuses calls that would exceed it', async () => {
    const spender = await createTenant(server);
    const hook = await receiver(1);
    const { body: webhook } = await admin.post('/v1/webhooks', { organisation: spender.organisation, url: hook.url });
    expect(webhook.secret).toMatch(/^whsec_/);
    // Enough for 30 calls of one request (150) and two tokens (40).
    await admin.put('/v1/budgets', { tenant: spender.id, amount_usd: '0.0000057', thresholds: [50], hard: true });
    const codes: string[] = [];
    for (let call = 0; call < 40; call++) {
      const answer = await embed(new ApiClient(server.urls[call % 2]!, spender.client.apiKey), `lock ${call}`);
      codes.push(answer.status === 200 ? 'served' : answer.body.error.code);
      if (answer.status !== 200) expect(answer.headers.get('x-should-retry')).toBe('false');
    }
    expect(new Set(codes.filter((code) => code !== 'served'))).toEqual(new Set(['insufficient_quota']));
    expect(codes.filter((code) => code === 'served').length).toBeGreaterThanOrEqual(25);
    const served = codes.filter((code) => code === 'served').length;
    const { body: invoice } = await until(
      () => admin.get(`/v1/invoices/${PERIOD}?organisation=${spender.organisation}`),
      ({ body }) =>
        body.lines.some(
          ({ meter, quantity }: { meter: string; quantity: number }) => meter === 'embedding_tokens' && quantity === 2 * served,
        ),
    );
    expect(Number(invoice.total_usd)).toBeLessThanOrEqual(0.0000057);

    const told = await until(
      async () => (await admin.get(`/v1/alerts?organisation=${spender.organisation}`)).body.data,
      (alerts: { type: string; deliveries: { state: string }[] }[]) =>
        alerts.length === 2 && alerts.every(({ deliveries }) => deliveries[0]?.state === 'delivered'),
    );
    expect(told.map(({ type }) => type).sort()).toEqual(['budget.stopped', 'budget.threshold']);
    expect(hook.got.map(({ status }) => status)).toEqual([500, 204, 204]);
    for (const message of hook.got) expect(await verifyWebhook(webhook.secret, message, message.body, Date.now())).toBe(true);
    const [refused] = hook.got;
    expect(hook.got.filter(({ id }) => id === refused!.id)).toHaveLength(2);
    expect(JSON.parse(hook.got[1]!.body)).toMatchObject({ type: expect.stringMatching(/^budget\./) });
    hook.stop();

    // Without the budget nothing is refused.
    const { body: budgets } = await admin.get(`/v1/budgets?organisation=${spender.organisation}`);
    expect((await admin.delete(`/v1/budgets/${budgets.data[0].id}?organisation=${spender.organisation}`)).status).toBe(200);
    await expect.poll(async () => (await embed(spender.client, 'free again')).status).toBe(200);
  });

  it('[T49] posts to https URLs only, unless the deployment allows http', async () => {
    const strict = sharedDeployment();
    const strictAdmin = new ApiClient(strict.urls[0]!, strict.secrets.SLUICE_ADMIN_KEY);
    const { organisation } = await createTenant(strict);
    const refused = await strictAdmin.post('/v1/webhooks', { organisation, url: 'http://127.0.0.1:1/' });
    expect(refused).toMatchObject({ status: 400, body: { error: { param: 'url' } } });
    expect((await strictAdmin.post('/v1/webhooks', { organisation, url: 'https://example.com/' })).status).toBe(201);
  });
});

describe('credits', () => {
  it('[T44] are given once under an idempotency key, and deducted from the invoice', async () => {
    const { organisation, client } = await createTenant(server);
    await embed(client, 'one');
    const give = (amount: string) =>
      admin.post('/v1/credits', { organisation, description: 'Thanks', amount_usd: amount }, { 'idempotency-key': 'once' });
    const first = await give('0.0000001');
    expect((await give('0.0000001')).body.id).toBe(first.body.id);
    expect((await give('5')).body.error.code).toBe('idempotency_mismatch');
    const { body } = await until(
      () => admin.get(`/v1/invoices/${PERIOD}?organisation=${organisation}`),
      (answer) => answer.body.lines.length === 3,
    );
    expect([body.subtotal_usd, body.total_usd]).toEqual(['0.000000170', '0.000000070']);
  });
});
