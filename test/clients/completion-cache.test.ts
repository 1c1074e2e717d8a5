import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import type { ApiAnswer, ApiClient } from '../support/deployment/api-client.ts';
import { leased, underLease } from '../support/deployment/cache-lease.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import type { MockUpstream } from '../support/upstreams/mock-upstream.ts';
import { startMockUpstream } from '../support/upstreams/mock-upstream.ts';
import type { Script } from '../support/upstreams/script.ts';
import { scripted } from '../support/upstreams/script.ts';

const CACHED = { 'x-sluice-cache-ttl-ms': '600000' };
const SCOPES = ['inference', 'cache:purge', 'requests:read', 'usage:read', 'upstreams:write'];

let upstream: MockUpstream;
let server: Server;
let client: ApiClient;
let other: ApiClient;

beforeAll(async () => {
  upstream = await startMockUpstream();
  server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const terms = { context_tokens: 100_000, output_tokens_max: 1_000, prices: { input: 1_000_000, output: 2_000_000 } };
  const models: object[] = ['small', 'large'].map((name) => ({ ...terms, name, serves: ['chat'] }));
  models.push({ ...terms, name: 'dear', serves: ['chat'], prices: { input: 10_000_000, output: 20_000_000 } });
  await admin.create('/v1/upstreams', {
    name: 'lab',
    protocol: 'openai',
    base_url: upstream.baseUrl,
    secret: 'sk-mock-0123456789',
    models,
  });
  [{ client }, { client: other }] = await Promise.all([createTenant(server, { scopes: SCOPES }), createTenant(server, { scopes: SCOPES })]);
  // The directory of upstreams is at most a second old.
  await vi.waitFor(async () => expect((await ask(client, 'ready', {}, {})).status).toBe(200), { timeout: 90_000 });
});

afterAll(async () => {
  await server.stop();
  await upstream.kill();
});

/** Names the questions of a trial. */
let attempt = 1;
const fresh = (trial: () => Promise<void>) =>
  leased(async (nth) => {
    attempt = nth;
    await upstream.reset();
    await trial();
  });

const body = (question: string, script: Script = {}) => ({
  model: 'lab/small',
  messages: [{ role: 'user', content: `${question} ${attempt} ${scripted(script)}` }],
});

const chat = async (by: ApiClient, asked: object, headers: Record<string, string> = CACHED): Promise<ApiAnswer> =>
  underLease(await by.post('/v1/chat/completions', asked, headers));

const ask = (by: ApiClient, question: string, more: object = {}, headers: Record<string, string> = CACHED): Promise<ApiAnswer> =>
  chat(by, { ...body(question), ...more }, headers);

/** What Sluice says of a stream that it relays, or gives again. */
const NOTE = /,"sluice":\{"cost_usd":"[\d.]+"\}/;
const COST = /"cost_usd":"([\d.]+)"/;

const requestCount = async (): Promise<number> => (await upstream.truth()).requests;
const statusOf = ({ headers }: ApiAnswer): string => headers.get('cache-status') ?? '';

it('[U120] asks the upstream once, and gives the same answer again for no tokens', () =>
  fresh(async () => {
    const askedMs = performance.now();
    const first = await ask(client, 'once');
    const again = await ask(client, 'once', { user: 'somebody', metadata: { a: 'b' } });
    expect(again.body).toEqual(first.body);
    expect([statusOf(first), statusOf(again)]).toEqual([
      expect.stringMatching(/^sluice-l1; fwd=miss; stored; ttl=/),
      expect.stringMatching(/^sluice-l1; hit; ttl=/),
    ]);
    expect(Number(again.headers.get('age') ?? 'none')).toBeLessThanOrEqual((performance.now() - askedMs) / 1_000);
    expect(again.headers.get('x-sluice-route')).toContain('lab/small; attempts=0');
    expect(Number(again.headers.get('x-sluice-cost-usd'))).toBeLessThan(Number(first.headers.get('x-sluice-cost-usd')));
    expect(await requestCount()).toBe(1);
  }));

it('[U120] is off unless a call asks for it, and differs by all that changes an answer', () =>
  fresh(async () => {
    expect(statusOf(await ask(client, 'off', {}, {}))).toBe('');
    for (const more of [{}, { temperature: 0.5 }, { model: 'lab/large' }, { max_tokens: 3 }, { stream: true }])
      await ask(client, 'off', more);
    expect(await requestCount()).toBe(6);
    // The order of fields changes nothing.
    const { model, messages } = body('off');
    await chat(client, { messages, model });
    expect(await requestCount()).toBe(6);
  }));

it('[U121] replays a stream as a stream, event by event, and charges nothing for it', () =>
  fresh(async () => {
    const options = { stream: true, stream_options: { include_usage: true } };
    const first = await ask(client, 'streamed', options);
    expect(first.body).toContain('data: [DONE]');
    const again = await ask(client, 'streamed', options);
    // But for what it costs, which a stream that is passed through does not say: the request alone.
    expect(again.body.replace(NOTE, '')).toBe(first.body);
    expect(COST.exec(again.body)?.[1]).toBe('0.000000150');
    expect(again.headers.get('content-type')).toContain('text/event-stream');
    expect(statusOf(again)).toContain('hit');
    expect(await requestCount()).toBe(1);
  }));

it('[U121] keeps no stream that did not end whole', () =>
  fresh(async () => {
    const dying = { ...body('broken', { dieAfterTokens: 2 }), stream: true };
    for (let times = 1; times <= 2; times += 1) {
      await chat(client, dying);
      expect(await requestCount()).toBe(times);
    }
  }));

it('[U122] tenants share nothing', () =>
  fresh(async () => {
    await ask(client, 'private');
    expect(statusOf(await ask(other, 'private'))).toContain('fwd=miss');
    expect(await requestCount()).toBe(2);
  }));

it('[U123] questions that come at once are one exchange', () =>
  fresh(async () => {
    const held = body('together', { hold: { gate: 'all', afterTokens: 1 } });
    const answers = Array.from({ length: 5 }, () => client.post('/v1/chat/completions', held, CACHED));
    await expect.poll(requestCount).toBeGreaterThan(0);
    await upstream.open('all');
    const all = (await Promise.all(answers)).map(underLease);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(all.map((one) => JSON.stringify(one.body))).size).toBe(1);
    expect(await requestCount()).toBe(1);
  }));

it('[U120] is directed by cache-control, as every cache here', () =>
  fresh(async () => {
    await ask(client, 'directed');
    expect(statusOf(await ask(client, 'directed', {}, { ...CACHED, 'cache-control': 'no-cache' }))).toContain('fwd=request');
    expect((await ask(client, 'unseen', {}, { ...CACHED, 'cache-control': 'only-if-cached' })).body.error.code).toBe('not_cached');
    const streamed = await ask(client, 'unseen', { stream: true }, { ...CACHED, 'cache-control': 'only-if-cached' });
    expect(streamed.body.error.code).toBe('not_cached');
    await ask(client, 'unkept', {}, { ...CACHED, 'cache-control': 'no-store' });
    expect(statusOf(await ask(client, 'unkept'))).toContain('fwd=miss');
  }));

it.each([
  ['a tag', { tags: ['release-7'] }],
  ['the model', { model: 'lab/small' }],
  ['everything', { everything: true }],
])('[U124] a purge by %s takes answers and streams from the next read on', (kind, selection) =>
  fresh(async () => {
    const tagged = { ...CACHED, 'cache-tag': 'release-7' };
    for (const more of [{}, { stream: true }]) {
      await ask(client, kind, more, tagged);
      expect(statusOf(await ask(client, kind, more, tagged))).toContain('hit');
    }
    expect((await client.post('/v1/cache/purge', selection)).status).toBe(200);
    for (const more of [{}, { stream: true }]) expect(statusOf(await ask(client, kind, more, tagged))).toContain('fwd=miss');
  }),
);

it('[U120] [U139] the log has the hit, at the price of a request alone', () =>
  fresh(async () => {
    await ask(client, 'logged');
    const id = `the-hit-${attempt}`;
    const hit = await ask(client, 'logged', {}, { ...CACHED, 'x-request-id': id });
    await expect.poll(async () => (await client.get(`/v1/requests/${id}`)).status).toBe(200);
    const { body: entry } = await client.get(`/v1/requests/${id}`);
    expect(entry).toMatchObject({
      cache: 'hit',
      input_tokens: 0,
      output_tokens: 0,
      attempts: [],
      cost_usd: hit.headers.get('x-sluice-cost-usd'),
    });
  }));

it('[U151] the month’s report has what the cache and a route saved, to the nano-dollar', () =>
  fresh(async () => {
    const { client: own } = await createTenant(server, { scopes: SCOPES });
    const use = { kind: 'targets', groups: [[{ target: 'lab/small' }], [{ target: 'lab/dear' }]] };
    expect((await own.post('/v1/routes', { name: 'thrifty', default: use })).status).toBe(200);
    const costNano = async (question: string, more: object = {}): Promise<number> =>
      Math.round(Number((await ask(own, question, more)).headers.get('x-sluice-cost-usd')) * 1e9);
    const made = await costNano('saved');
    const requestNano = await costNano('saved');
    // The same prompt and answer, chosen by a route: the dear target would have charged ten times as much for the tokens.
    const routed = await costNano('saved', { model: 'thrifty' });
    // A call is in the log within a second of its end.
    const reported = async () => (await own.get('/v1/cost/report')).body;
    await expect.poll(async () => (await reported()).upstreams.requests).toBe(3);
    const saved = async (): Promise<Record<string, string>> => {
      const report = await reported();
      expect(report).toMatchObject({ object: 'cost.report', is_logged: true });
      return Object.fromEntries(report.savings.map(({ name, saved_usd: usd }: { name: string; saved_usd: string }) => [name, usd]));
    };
    const usd = (nano: number): string => (nano / 1e9).toFixed(9);
    expect(made).toBeGreaterThan(requestNano);
    expect(await saved()).toMatchObject({
      answer_cache: usd(made - requestNano),
      routes: usd(9 * (routed - requestNano)),
      prompt_cache: usd(0),
    });
  }));

/** Asks a route of its own, which reuses answers, and says what became of the answer. */
async function reusingTenant(answer_reuse: object) {
  const { client: own } = await createTenant(server, { scopes: [...SCOPES, 'upstreams:read'] });
  const use = { kind: 'targets', groups: [[{ target: 'lab/small' }]] };
  const made = await own.post('/v1/routes', { name: 'desk', default: use, answer_reuse });
  const reuseOf = async (content: string, more: object = {}, headers: Record<string, string> = {}) => {
    const asked = { model: 'desk', messages: [{ role: 'user', content }], ...more };
    const answer = await chat(own, asked, { ...CACHED, ...headers });
    return { ...answer, outcome: answer.headers.get('x-sluice-answer-reuse') };
  };
  // The directory of routes is at most a second old.
  await expect.poll(async () => (await reuseOf('Where is my parcel?')).status).toBe(200);
  const evidence = async () => (await own.get('/v1/routes/desk/versions')).body.data[0].answer_reuse;
  return { own, made, reuseOf, evidence };
}

const CHECKED_FOUR = ['checked', 'checked', 'checked', 'checked'];

it('[U125] [U126] an answer is reused for other words once enough were checked, where a route says so', () =>
  fresh(async () => {
    await upstream.script({ texts: ['In Bern.'] });
    const { made, reuseOf, evidence } = await reusingTenant({ kind: 'reworded', false_hit_max: 0.5, check_share: 0.01 });
    expect(made.body.answer_reuse).toMatchObject({ checked: 0, false_hit_bound: 1, state: 'learning' });
    const seen = [];
    for (const [at, content] of [
      'where is my parcel',
      'Hi, where’s my parcel',
      'please where is my parcel',
      'Where is my parcel, please?',
      'Hello, where is my parcel?',
    ].entries())
      seen.push((await reuseOf(content, {}, { 'x-request-id': `reworded-${at}` })).outcome);
    expect(seen).toEqual([...CHECKED_FOUR, 'reworded']);
    await expect.poll(evidence).toMatchObject({ checked: 4, differed: 0, state: 'reusing' });
    expect((await evidence()).false_hit_bound).toBeLessThan(0.5);
  }));

it('[U180] [U183] an answer near in meaning is verified, replayed, explained, logged and reported', () =>
  fresh(async () => {
    // The verifier says the same.
    await upstream.script({ texts: ['Yes.'] });
    const near = { model: 'glove-sif-100', similarity_min: 0.5, false_hit_max: 0.5, check_share: 0.01 };
    const { own, made, reuseOf, evidence } = await reusingTenant({ kind: 'verified', ...near, verifier: 'lab/large' });
    expect(made.body.answer_reuse).toMatchObject({ kind: 'verified', model: 'glove-sif-100', verifier: 'lab/large', confidence_min: 0.8 });
    const seen = [];
    for (const [at, content] of [
      'Where has my parcel gone',
      'where can I find my parcel',
      'please find my parcel',
      'my parcel is where',
    ].entries())
      seen.push((await reuseOf(content, {}, { 'x-request-id': `near-${at}` })).outcome);
    expect(seen).toEqual(CHECKED_FOUR);
    const given = await reuseOf('where did my parcel go', {}, { 'x-request-id': 'near-given', 'x-sluice-explain': '1' });
    expect([given.outcome, statusOf(given)]).toEqual(['verified', expect.stringContaining('hit')]);
    expect(given.headers.get('x-sluice-answer-candidate')).toMatch(/^[\w-]+; similarity=0\.\d{3}; confidence=1\.000$/);
    expect(given.body.sluice.route.reuse).toMatchObject({
      outcome: 'verified',
      answer: 'Yes.',
      question: expect.stringContaining('parcel'),
    });
    const streamed = { stream: true, stream_options: { include_usage: true } };
    const first = await reuseOf('Where is my parcel?', streamed);
    const again = await reuseOf('where did my parcel go', streamed, { 'x-request-id': 'near-stream' });
    expect(again.outcome).toBe('verified');
    expect(again.body.replace(NOTE, ''), 'the first was passed through as it came').toBe(first.body);
    await expect.poll(async () => (await own.get('/v1/requests?reuse=verified')).body.data?.length).toBe(2);
    const { body: entry } = await own.get('/v1/requests/near-stream');
    // The event with the usage, the log and the ledger have one cost: the request, the words that were embedded, and the verdict.
    expect(entry).toMatchObject({ reuse: 'verified', cache: 'hit', cost_usd: COST.exec(again.body)?.[1] });
    await expect.poll(evidence).toMatchObject({ checked: 4, differed: 0, state: 'reusing' });
    const { body: report } = await own.get('/v1/cost/report');
    expect(report.reuse).toMatchObject([
      { route: 'desk@1', kind: 'verified', state: 'reusing', checked: 4, reused: 2, saved_usd: expect.any(String) },
    ]);
    // Another number is another question, and a purge holds from the next read on.
    expect((await reuseOf('where did my 2 parcels go')).outcome).toBeNull();
    expect((await own.post('/v1/cache/purge', { model: 'desk' })).status).toBe(200);
    expect((await reuseOf('where might my parcel be')).outcome).toBeNull();
  }));

it('[U186] equal questions at once are embedded and verified once, and the first is charged', () =>
  fresh(async () => {
    // The verifier says the same, and takes its time.
    await upstream.script({ texts: ['Yes.'], headDelayMs: 300 });
    const near = { model: 'glove-sif-100', similarity_min: 0.5, false_hit_max: 0.5, check_share: 0.01 };
    const { own, reuseOf } = await reusingTenant({ kind: 'verified', ...near, verifier: 'lab/large' });
    const before = (await upstream.truth()).requests;
    const ids = ['once-0', 'once-1', 'once-2', 'once-3'];
    const asked = await Promise.all(ids.map((id) => reuseOf('Where can I find my parcel', {}, { 'x-request-id': id })));
    expect(asked.map(({ outcome }) => outcome)).toEqual(['checked', 'checked', 'checked', 'checked']);
    // A verdict, and the model's answer that it is compared with.
    expect((await upstream.truth()).requests - before).toBe(2);
    const costs = asked.map(({ headers }) => headers.get('x-sluice-cost-usd'));
    expect(costs.filter((cost) => cost === '0.000000150')).toHaveLength(3);
    const logged = async () => Promise.all(ids.map(async (id) => (await own.get(`/v1/requests/${id}`)).body.cost_usd));
    await expect.poll(logged).toEqual(costs);
  }));

it('[U182] a route that could not reuse answers as it says is refused by the field', async () => {
  const near = { kind: 'verified', model: 'glove-sif-100', verifier: 'lab/large' };
  const refusals = [
    [{ ...near, model: 'unknown' }, 'answer_reuse.model'],
    [{ ...near, model: 'lab/small' }, 'answer_reuse.model'],
    [{ ...near, verifier: 'lab/none' }, 'answer_reuse.verifier'],
    [{ ...near, kind: 'candidate', similarity_min: 0.1 }, 'answer_reuse.similarity_min'],
  ] as const;
  const use = { kind: 'targets', groups: [[{ target: 'lab/small' }]] };
  for (const [answer_reuse, param] of refusals)
    expect((await client.post('/v1/routes', { name: 'odd', default: use, answer_reuse })).body.error).toMatchObject({ param });
});
