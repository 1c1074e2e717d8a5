import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { TOUR } from '../../src/contract/openapi/examples/examples.ts';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { documentEffects } from '../support/deployment/document-effects.ts';
import { modelCallEffects } from '../support/deployment/model-call-effects.ts';
import { planningEffects } from '../support/deployment/planning-effects.ts';
import { requestLogEffects } from '../support/deployment/request-log-effects.ts';
import { searchEffects } from '../support/deployment/search-effects.ts';
import { surfaceEffects } from '../support/deployment/surface-effects.ts';
import type { OpenApi, TourAnswer } from '../support/deployment/tour.ts';
import { Tour } from '../support/deployment/tour.ts';
import { replyFaults } from '../support/fixtures/reply-faults.ts';

let server: Server;
let tour: Tour;
let document: OpenApi;
let tenant: ApiClient;
let admin: ApiClient;
/** The last answer of each operation. */
const answers: Partial<Record<EndpointName, TourAnswer>> = {};

beforeAll(async () => {
  server = await deploy();
  const url = server.urls[0] ?? '';
  const demo = await bootstrap(url, server.secrets.SLUICE_ADMIN_KEY);
  tenant = new ApiClient(url, demo.apiKey);
  admin = new ApiClient(url, demo.adminKey);
  document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
  tour = new Tour(url, { tenant: demo.apiKey, admin: demo.adminKey }, document);
});

afterAll(() => server.stop());

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
const answer = (name: EndpointName): any => answers[name]?.body;
const idOf = (name: EndpointName): string => answer(name).id as string;
const idsIn = (list: { id: unknown }[]) => list.map(({ id }) => id);
const names = (list: { name: string }[]) => list.map(({ name }) => name);

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;
type Effect = (body: Body, text: string) => unknown;

const articlesOf = (ids: string[]) => tenant.post('/v1/indexes/articles/fetch', { ids, include_fields: true });
const fetched = async (id: string): Promise<Body> => (await articlesOf([id])).body.vectors[0];
const point = async (id: number): Promise<Body> => (await tenant.get(`/qdrant/collections/films/points/${id}`)).body.result;
/** Vectors of a cosine index are returned normalised: compares directions only. */
async function directionOf(id: number): Promise<number> {
  const [x, y] = (await point(id)).vector as [number, number];
  return y / x;
}
const tenantState = async (): Promise<string> => (await admin.get(`/v1/tenants/${idOf('createTenant')}`)).body.state;
const statusOf = async (apiKey: string): Promise<number> => (await new ApiClient(server.urls[0] ?? '', apiKey).get('/v1/models')).status;

/** The effect that each operation of the tour must have had. An operation without an entry does not compile. */
const EFFECTS: Readonly<Record<EndpointName, Effect>> = {
  ...surfaceEffects,
  ...modelCallEffects,
  ...documentEffects,
  createEmbeddings: ({ data }) => expect(data.map((item: Body) => item.embedding.length)).toEqual([100, 100, 100]),
  rerank: ({ results }) => expect(results.map(({ index }: Body) => index)).toEqual([1, 0]),
  createPrompt: ({ prompt, version, labels }) => expect([prompt, version, labels]).toEqual(['support-reply', 1, ['staging']]),
  listPrompts: ({ data }) => expect(names(data)).toEqual(['support-reply']),
  getPrompt: ({ labels }) => expect(labels.staging.version).toBe(1),
  listPromptVersions: ({ data }) => expect(data.map(({ version }: Body) => version)).toEqual([1]),
  labelPrompt: ({ labels }) => expect(Object.keys(labels)).toEqual(['staging', 'production']),
  renderPrompt: ({ messages }) => expect(messages[0].content).toContain('<mail>Where is &lt;my&gt; parcel?</mail>'),
  unlabelPrompt: ({ labels }) => expect(Object.keys(labels)).toEqual(['production']),
  deletePrompt: async ({ name }) => expect((await tenant.get(`/v1/prompts/${name}`)).status).toBe(404),
  createRoute: ({ route, version, is_active: isActive }) => expect([route, version, isActive]).toEqual(['support-chat', 1, true]),
  listRoutes: ({ data }) => expect(names(data)).toEqual(['support-chat']),
  getRoute: ({ active_version: version }) => expect(version).toBe(1),
  listRouteVersions: ({ data }) => expect(data.map(({ version }: Body) => version)).toEqual([1]),
  activateRoute: ({ active_version: version }) => expect(version).toBe(1),
  explainRoute: ({ reason, rules }) => expect([reason, rules[0].rule, rules[0].holds]).toEqual(['default', 'long-prompts', false]),
  rollbackRoute: ({ error }) => expect(error.code).toBe('state_conflict'),
  deleteRoute: async ({ name }) => expect((await tenant.get(`/v1/routes/${name}`)).status).toBe(404),
  createChatCompletion: ({ error }) => expect(error).toMatchObject({ code: 'model_not_found', param: 'model' }),
  countMessageTokens: (body) => expect(body).toMatchObject({ type: 'error', error: { type: 'not_found_error', code: 'model_not_found' } }),
  createMessage: (body) => expect(body).toMatchObject({ type: 'error', error: { type: 'not_found_error', code: 'model_not_found' } }),
  createUpstream: ({ owned_by: by, base_url: url, secret, models }) =>
    expect([by, url, secret.hint, models[0].upstream_name]).toEqual(['tenant', 'https://api.openai.com/v1', '-out', 'gpt-4o-mini']),
  listUpstreams: ({ data }) => expect(names(data)).toEqual(['openai']),
  getUpstream: ({ timeouts }) => expect(timeouts.idle_ms).toBe(60_000),
  getUpstreamHealth: ({ models }) => expect(models).toMatchObject([{ name: 'gpt-4o-mini', breaker: 'closed', outstanding_calls: 0 }]),
  changeUpstream: ({ limits, timeouts, secret }) =>
    expect([limits.requests_per_minute, timeouts.idle_ms, secret.set]).toEqual([500, 30_000, true]),
  checkUpstream: ({ error }) => expect(error.code).toBe('upstream_not_found'),
  deleteUpstream: async () => expect((await tenant.get('/v1/upstreams')).body.data).toEqual([]),
  ...requestLogEffects(() => tenant, answer),
  ...planningEffects(() => tenant),
  ...searchEffects(() => tenant),
  listModels: ({ data }) => expect(idsIn(data)).toContain('glove-sif-100'),
  getModel: ({ id }) => expect(id).toBe('glove-sif-100'),
  createModel: ({ model, version, contract_hash: hash }) =>
    expect({ model, version, hash }).toEqual({ model: 'halves', version: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) }),
  listModelVersions: ({ data }) => expect(data.map(({ version }: Body) => version)).toEqual([1]),
  getModelVersion: (version) => expect(version).toMatchObject({ files: [{ path: 'onnx/model.onnx' }], task: 'graph' }),
  readModelVersionFile: ({ error }) => expect(error.code).toBe('file_not_found'),
  promoteModel: ({ error }) => expect(error.code).toBe('model_not_found'),
  rollbackModel: ({ error }) => expect(error.code).toBe('state_conflict'),
  setModelAlias: async ({ alias }) => expect((await tenant.get(`/v1/models/${alias}`)).body.id).toBe('glove-sif-100'),
  classify: ({ error }) => expect(error).toMatchObject({ code: 'model_not_found', param: 'model' }),
  removeModelAlias: async ({ alias }) => expect((await tenant.get(`/v1/models/${alias}`)).status).toBe(404),
  listModelEvents: ({ data }) => expect(data.map(({ action }: Body) => action)).toContain('register'),
  retireModelVersion: ({ stage }) => expect(stage).toBe('retired'),
  deleteModel: async ({ id }) => expect((await tenant.get(`/v1/models/${id}`)).status).toBe(404),
  createIndex: async () => expect((await tenant.get('/v1/indexes/articles')).body.owner).toBe('search-team'),
  listIndexes: ({ data }) => expect(names(data)).toContain('articles'),
  describeIndex: ({ name }) => expect(name).toBe('articles'),
  indexStats: ({ vectors }) => expect(vectors).toBe(3),
  upsertVectors: async () => expect((await fetched('lock')).metadata).toEqual({ page: 3, lang: 'en' }),
  queryVectors: ({ matches }) => expect(idsIn(matches)).toEqual(['lock', 'weir']),
  fetchVectors: ({ vectors }) => expect(vectors).toMatchObject([{ id: 'lock', text: 'the lock keeper opens the gates at dawn' }]),
  listVectors: ({ vectors }) => expect(idsIn(vectors)).toEqual(['lock', 'mill', 'weir']),
  countVectors: ({ count }) => expect(count).toBe(2),
  updateMetadata: async () => expect((await fetched('lock')).metadata).toEqual({ page: 3, lang: 'en', seen: true }),
  updateFields: async () => expect((await fetched('weir')).fields).toEqual({ title: 'The weir' }),
  updateValues: async () => expect(await directionOf(1)).toBeCloseTo(0.625, 5),
  importVectors: async () => expect((await fetched('barge')).metadata).toEqual({ page: 12 }),
  exportVectors: (_, text) => expect(text.match(/"id":/g)).toHaveLength(5),
  measureRecall: ({ samples, recall }) => expect({ samples, recall }).toEqual({ samples: 5, recall: 1 }),
  deleteVectors: async () => expect(await fetched('mill')).toBeUndefined(),
  deleteIndex: async ({ vectors }) => expect([vectors, (await tenant.get('/v1/indexes/articles')).status]).toEqual([4, 404]),
  verifyIndexErasure: (body) => expect(body).toMatchObject({ verified: true, remaining: 0, vectors: 4 }),
  setAlias: async () => expect((await tenant.get('/v1/indexes/live')).body.name).toBe('articles'),
  changeAliases: async () => expect((await tenant.get('/v1/indexes/newest')).body.name).toBe('articles'),
  listAliases: ({ data }) => expect(data.map(({ alias }: Body) => alias)).toEqual(['live', 'newest']),
  listIndexAliases: ({ data }) => expect(data.map(({ alias }: Body) => alias)).toEqual(['live', 'newest']),
  removeAlias: async () => expect((await tenant.get('/v1/indexes/live')).status).toBe(404),
  createGeneration: async () =>
    expect.poll(async () => (await tenant.get('/v1/indexes/articles/generations')).body.data[1]?.state).toBe('following'),
  listGenerations: ({ data }) => expect(data.map(({ recall }: Body) => recall)).toEqual([0.95, 0.99]),
  activateGeneration: async () => expect((await tenant.get('/v1/indexes/articles')).body.recall).toBe(0.99),
  rollbackGeneration: async () => expect((await tenant.get('/v1/indexes/articles')).body.recall).toBe(0.95),
  deleteGeneration: async () => expect.poll(async () => (await tenant.get('/v1/indexes/articles/generations')).body.data.length).toBe(1),
  purgeCache: async () => {
    // Without a lease in time the caches are left alone; storing nothing, the call can be repeated.
    const ask = () => tenant.post('/v1/embeddings', { model: 'glove-sif-100', input: ['canal', 'weir'] }, { 'cache-control': 'no-store' });
    await expect.poll(async () => (await ask()).headers.get('cache-status')).toContain('memory=1');
  },
  getPurge: ({ purge_id: id, status }) => expect({ id, status }).toEqual({ id: answer('purgeCache').purge_id, status: 'effective' }),
  cacheStats: ({ object }) => expect(object).toBe('cache.stats'),
  createOrganisation: async () =>
    expect((await admin.get('/v1/organisations?limit=100')).body.data.map(idOfItem)).toContain(idOf('createOrganisation')),
  listOrganisations: ({ data }) => expect(names(data)).toEqual(['demo', 'acme']),
  getOrganisationCache: ({ shared }) => expect(shared).toBe(true),
  setOrganisationCache: ({ shared }) => expect(shared).toBe(true),
  createTenant: async () => expect(await tenantState()).toBe('active'),
  listTenants: ({ data }) => expect(idsIn(data)).toEqual([idOf('createTenant')]),
  getTenant: ({ name }) => expect(name).toBe('acme-prod'),
  createProject: ({ tenant: of }) => expect(of).toBe(idOf('createTenant')),
  listProjects: ({ data }) => expect(idsIn(data)).toContain(idOf('createProject')),
  createKey: async ({ key }) => expect(await statusOf(key)).toBe(200),
  listKeys: ({ data }) => expect(idsIn(data)).toEqual([idOf('createKey')]),
  getKey: (key) => expect(key).toMatchObject({ name: 'checkout', resources: ['index/articles'], revoked_at: null }),
  rotateKey: async ({ key }) => {
    expect(key).not.toBe(answer('createKey').key);
    expect(await statusOf(key)).toBe(200);
    expect(await statusOf(answer('createKey').key), 'the replaced secret has its grace').toBe(200);
  },
  revokeKey: async ({ revoked_at: at }) => {
    expect(at).toBeTypeOf('number');
    await expect.poll(() => statusOf(answer('rotateKey').key)).toBe(401);
  },
  suspendTenant: async () => expect(await tenantState()).toBe('suspended'),
  resumeTenant: async () => expect(await tenantState()).toBe('active'),
  eraseTenant: async () => {
    await expect.poll(async () => (await tour.call('eraseTenant')).body.state).toBe('erased');
    expect(await tenantState()).toBe('erased');
  },
  verifyErasure: (body) => expect(body).toMatchObject({ state: 'erased', verified: true }),
  listAudit: ({ data }) =>
    expect(data.map(({ action }: Body) => action)).toEqual(expect.arrayContaining(['tenant.create', 'key.rotate', 'key.revoke'])),
  setQuota: ({ rules }) => expect(rules).toMatchObject([{ resource: 'requests', window: 'minute', limit: 600 }]),
  getQuota: ({ rules }) => expect(rules).toMatchObject([{ resource: 'requests', window: 'minute', limit: 600 }]),
  getUsage: ({ object }) => expect(object).toBe('usage'),
  getInvoice: ({ period }) => expect(period).toBe('2026-11'),
  getInvoiceCsv: (_, text) => expect(text).toContain('BilledCost'),
  getInvoiceHtml: (_, text) => expect(text).toContain('2026-11'),
  listInvoices: ({ data }) => expect(data).toBeInstanceOf(Array),
  reconcileInvoice: ({ exact }) => expect(exact).toBe(true),
  createCredit: ({ amount_usd: amount }) => expect(Number(amount)).toBe(25),
  listCredits: ({ data }) => expect(idsIn(data)).toEqual([idOf('createCredit')]),
  createCharge: ({ monthly_usd: amount }) => expect(Number(amount)).toBe(20),
  listCharges: ({ data }) => expect(idsIn(data)).toEqual([idOf('createCharge')]),
  setBudget: ({ thresholds }) => expect(thresholds).toEqual([50, 80, 100]),
  listBudgets: ({ data }) => expect(idsIn(data)).toEqual([idOf('setBudget')]),
  deleteBudget: async () => expect((await admin.get(`/v1/budgets?organisation=${idOf('createOrganisation')}`)).body.data).toEqual([]),
  createWebhook: ({ secret }) => expect(secret).toBeTypeOf('string'),
  listWebhooks: ({ data }) => expect(idsIn(data)).toEqual([idOf('createWebhook')]),
  deleteWebhook: async () => expect((await admin.get(`/v1/webhooks?organisation=${idOf('createOrganisation')}`)).body.data).toEqual([]),
  listAlerts: ({ data }) => expect(data).toEqual([]),
  uploadFile: async () => expect((await tenant.get(`/v1/files/${idOf('uploadFile')}/content`)).body).toContain('just enough water'),
  listFiles: ({ data }) => expect(idsIn(data)).toEqual([idOf('uploadFile')]),
  getFile: ({ purpose }) => expect(purpose).toBe('batch'),
  getFileContent: (_, text) => expect(text.split('\n')).toHaveLength(3),
  createUpload: ({ status }) => expect(status).toBe('pending'),
  addUploadPart: ({ upload_id }) => expect(upload_id).toBe(idOf('createUpload')),
  completeUpload: async ({ file }) => expect((await tenant.get(`/v1/files/${file.id}/content`)).body).toContain('just enough water'),
  cancelUpload: ({ status }) => expect(status).toBe('cancelled'),
  deleteFile: async () => expect((await tenant.get(`/v1/files/${idOf('uploadFile')}`)).status).toBe(404),
  planJob: async (body) => {
    expect(body).toMatchObject({ outcome: 'waits', placement: null, evicts: { jobs: [], others: 0 }, waiting: { position: 1 } });
    // `createJob` comes after it: planning has made none.
    expect(body.waiting.reason).toMatch(/^no_/);
  },
  createJob: async () =>
    expect((await tenant.get(`/v1/jobs/${idOf('createJob')}`)).body).toMatchObject({ state: 'pending', owner: 'demo-team' }),
  listJobs: ({ data }) => expect(idsIn(data)).toEqual([idOf('createJob')]),
  getJob: ({ state }) => expect(state).toBe('pending'),
  explainJob: (body) => expect(body).toMatchObject({ state: 'pending', reason: expect.stringMatching(/^no_/), position: 1, ahead: [] }),
  getJobLogs: (_, text) => expect(text).toBe(''),
  suspendJob: ({ state }) => expect(state).toBe('suspended'),
  resumeJob: ({ state }) => expect(state).toBe('pending'),
  preemptJob: ({ state }) => expect(state).toBe('stopping'),
  resizeJob: ({ nodes_wanted: nodes }) => expect(nodes).toBe(1),
  reprioritiseJob: ({ priority }) => expect(priority).toBe('high'),
  listJobAttempts: ({ data }) => expect(data).toMatchObject([{ fence: 1, outcome: 'released', stopped_for: 'requested' }]),
  getJobCost: async ({ total_usd: total, job_tokens: tokens }) => {
    expect(tokens).toBe(8);
    expect(total).toBe((await tenant.get(`/v1/jobs/${idOf('createJob')}`)).body.cost_usd);
  },
  // Its job embeds a file and serves nothing.
  embedOnJob: ({ error }) => expect(error.code).toBe('state_conflict'),
  getJobEvents: (_, text) => {
    expect(text).toMatch(/^retry: \d+\n\nid: 1\nevent: submitted\ndata: \{.*\}\n\n/);
    expect(JSON.parse(text.trimEnd().split('\ndata: ').at(-1) ?? '')).toMatchObject({ kind: 'state', state: 'succeeded', final: true });
  },
  cancelJob: async () => expect((await tenant.get(`/v1/jobs/${idOf('createJob')}`)).body.state).toBe('cancelled'),
  createMessageBatch: (body) => expect(body).toMatchObject({ type: 'message_batch', request_counts: { processing: 1 } }),
  listMessageBatches: ({ data }) => expect(idsIn(data)).toEqual([idOf('createMessageBatch')]),
  getMessageBatch: ({ id }) => expect(id).toBe(idOf('createMessageBatch')),
  cancelMessageBatch: ({ processing_status: status }) => expect(['canceling', 'ended']).toContain(status),
  getMessageBatchResults: (body) => expect(body).toMatchObject({ type: 'error', error: { code: 'batch_not_found' } }),
  deleteMessageBatch: (body) => expect(body).toMatchObject({ type: 'error', error: { code: 'batch_not_found' } }),
  createBatch: (body) =>
    expect(body).toMatchObject({ status: 'validating', model: 'glove-sif-100', metadata: { purpose: 'nightly embeddings' } }),
  listBatches: ({ data }) => expect(idsIn(data)).toEqual([idOf('createBatch')]),
  getBatch: ({ input_file_id }) => expect(input_file_id).toBe(idOf('uploadFile')),
  cancelBatch: async () => expect((await tenant.get(`/v1/batches/${idOf('createBatch')}`)).body.status).toBe('cancelled'),
  createFineTuningJob: (body) =>
    expect(body).toMatchObject({ status: 'queued', model: 'glove-sif-100@2', seed: 7, hyperparameters: { n_epochs: 3, batch_size: 32 } }),
  listFineTuningJobs: ({ data }) => expect(idsIn(data)).toEqual([idOf('createFineTuningJob')]),
  getFineTuningJob: ({ id }) => expect(id).toBe(idOf('createFineTuningJob')),
  listFineTuningEvents: ({ data }) => expect(data).toMatchObject([{ message: 'Fine-tuning job created' }]),
  listFineTuningCheckpoints: ({ data }) => expect(data).toEqual([]),
  pauseFineTuningJob: ({ status }) => expect(status).toBe('paused'),
  resumeFineTuningJob: ({ status }) => expect(status).toBe('queued'),
  cancelFineTuningJob: ({ status }) => expect(status).toBe('cancelled'),
  createReservation: ({ error }) => expect(error.code).toBe('limit_exceeded'),
  listReservations: ({ data }) => expect(data).toEqual([]),
  getReservation: ({ error }) => expect(error.code).toBe('reservation_not_found'),
  deleteReservation: ({ error }) => expect(error.code).toBe('reservation_not_found'),
  createCohort: (body) =>
    expect(body).toMatchObject({ parent: 'root', weight: 2, organisation: idOf('createOrganisation'), quotas: { h100: { nominal: 4 } } }),
  listCohorts: ({ data }) => expect(names(data)).toEqual(['research', 'root']),
  getCohort: ({ usage }) => expect(usage).toMatchObject([{ resource: 'h100', nominal: 4, used: 0, available: 8 }]),
  changeCohort: async () => expect((await admin.get('/v1/cohorts/research')).body).toMatchObject({ weight: 3, quotas: { h100: {} } }),
  deleteCohort: async () => expect((await admin.get('/v1/cohorts/research')).status).toBe(404),
  createQueue: (body) =>
    expect(body).toMatchObject({
      weight: 2,
      priority: { min: 0, max: 50 },
      stop_policy: 'none',
      time_slice: { round_s: 360, move_s: 60 },
      pending: 0,
    }),
  listQueues: ({ data }) => expect(names(data)).toEqual(['default', 'nightly']),
  getQueue: ({ usage }) => expect(usage).toMatchObject([{ resource: 'h100', available: 2 }]),
  changeQueue: async () => expect((await tenant.get('/v1/queues/nightly')).body.stop_policy).toBe('hold'),
  deleteQueue: async () => expect((await tenant.get('/v1/queues/nightly')).status).toBe(404),
  createPool: async () => expect((await admin.get(`/v1/pools/${idOf('createPool')}`)).body.name).toBe('workshop'),
  listPools: ({ data }) => expect(idsIn(data)).toContain(idOf('createPool')),
  getPool: ({ owner }) => expect(owner).toBe('platform-team'),
  changePool: async () =>
    expect((await admin.get(`/v1/pools/${idOf('createPool')}`)).body).toMatchObject({
      placer: 'tightest_fit',
      market: 'reserved',
      eviction: { min_runtime_s: 60, max_grace_s: 30 },
    }),
  setPoolPrice: ({ price }) => expect(price).toBe(`${idOf('createPool')}/reserved/h100@3.000000000`),
  listPoolPrices: ({ data }) =>
    expect(data).toMatchObject([{ price_list: '2026-01-01' }, { margin_per_mille: 200 }, { accelerator: 'l4' }]),
  listNodes: ({ data }) =>
    expect(data).toMatchObject([
      {
        name: 'by-hand',
        state: 'open',
        capacity: null,
        jobs: [idOf('createJob')],
        weights_max_mib: 512,
        weights: [{ model: 'glove-sif-100', in_use: 1 }],
      },
    ]),
  cordonNode: ({ state }) => expect(state).toBe('cordoned'),
  uncordonNode: ({ state }) => expect(state).toBe('open'),
  noticeNode: ({ terminates_at: at }) => expect(at).toBeTypeOf('number'),
  agentNotice: ({ terminates_at: at }) => expect(at).toBeTypeOf('number'),
  drainNode: ({ state }) => expect(['draining', 'away']).toContain(state),
  rotatePoolToken: ({ agent_token: token }) => expect(token).toMatch(/^pt_/),
  deletePool: async () => expect((await admin.get(`/v1/pools/${idOf('createPool')}`)).status).toBe(404),
  poolDemand: ({ nodes }) => expect(nodes).toBe(0),
  registerAgent: ({ agent }) => expect(agent).toBeTypeOf('string'),
  // The scheduler leases the returned attempt again as soon as the pool has reported it.
  leaseWork: async ({ assignment }) => {
    let leased = assignment;
    while (leased === null) leased = (await tour.call('leaseWork')).body.assignment;
    expect(leased.model).toBe('glove-sif-100');
  },
  heartbeat: ({ command }) => expect(command).toBe('continue'),
  signTransfer: async ({ url }) => expect(await (await fetch(`${server.urls[0]}/${url}`)).text()).toContain('just enough water'),
  readTransfer: ({ error }) => expect(error.code).toBe('scope_denied'),
  writeTransfer: ({ error }) => expect(error.code).toBe('scope_denied'),
  readInput: (_, text) => expect(text).toContain('just enough water'),
  writeOutput: ({ accepted }) => expect(accepted).toBe(true),
  meetPeers: ({ peers }) => expect(peers).toEqual(['10.0.0.7:29500']),
  writeCheckpoint: ({ accepted }) => expect(accepted).toBe(true),
  readCheckpoint: (_, text) => expect(text).toBe('epoch 3\n'),
  readAttemptModel: ({ error }) => expect(error.code).toBe('model_not_found'),
  readAttemptModelFile: ({ error }) => expect(error.code).toBe('model_not_found'),
  beginBuild: ({ error }) => expect(error.code).toBe('state_conflict'),
  readBuildSample: ({ error }) => expect(error.code).toBe('state_conflict'),
  commitBuild: ({ error }) => expect(error.code).toBe('state_conflict'),
  appendLog: async () => expect((await tenant.get(`/v1/jobs/${idOf('createJob')}/logs`)).body).toBe('loading the model\n'),
  completeAttempt: async () => {
    const { body } = await tenant.get(`/v1/jobs/${idOf('createJob')}`);
    expect(body).toMatchObject({ state: 'succeeded', progress: { completed: 1, failed: 1, total: 2 } });
    expect((await tenant.get(`/v1/files/${body.output_file}/content`)).body).toContain('made by hand');
  },
  failAttempt: () => expect.poll(async () => (await tenant.get(`/v1/jobs/${idOf('createJob')}`)).body.attempts[0].outcome).toBe('released'),
  health: ({ status }) => expect(status).toBe('ok'),
  ready: ({ status }) => expect(status).toBe('ok'),
  metrics: (_, text) => expect(text).toContain('# TYPE'),
  qdrantVersion: ({ version }) => expect(version).toMatch(/^\d+\.\d+\.\d+$/),
  qdrantHealth: (_, text) => expect(text).not.toBe(''),
  qdrantLiveness: (_, text) => expect(text).not.toBe(''),
  qdrantReadiness: (_, text) => expect(text).not.toBe(''),
  qdrantCreateCollection: async () =>
    expect((await tenant.get('/v1/indexes/films')).body).toMatchObject({ dimensions: 3, owner: 'demo-team' }),
  qdrantListCollections: ({ result }) => expect(names(result.collections)).toEqual(['films']),
  qdrantCollection: ({ result }) => expect(result.config.params.vectors).toMatchObject({ size: 3, distance: 'Cosine' }),
  qdrantCollectionExists: ({ result }) => expect(result.exists).toBe(true),
  qdrantUpdateCollection: ({ result }) => expect(result).toBe(true),
  qdrantCreateFieldIndex: ({ status }) => expect(status).toBe('ok'),
  qdrantDeleteFieldIndex: ({ status }) => expect(status).toBe('ok'),
  qdrantUpsertPoints: async () => expect((await point(2)).payload).toEqual({ genre: ['drama', 'war'], year: 1998 }),
  qdrantRetrievePoints: ({ result }) => expect(idsIn(result)).toEqual([1, 2]),
  qdrantRetrievePoint: ({ result }) => expect(result.payload.year).toBe(1994),
  qdrantScrollPoints: ({ result }) => expect([...idsIn(result.points), result.next_page_offset]).toEqual([1, 2, 3]),
  qdrantCountPoints: ({ result }) => expect(result.count).toBe(2),
  qdrantFacet: ({ result }) => expect(result.hits[0]).toEqual({ value: 'drama', count: 2 }),
  qdrantQuery: ({ result }) => expect(idsIn(result.points)).toEqual([1, 2]),
  qdrantQueryBatch: ({ result }) => expect(result.map(({ points }: Body) => idsIn(points))).toEqual([[1], [2]]),
  qdrantQueryGroups: ({ result }) => expect(result.groups.map(idOfItem)).toEqual(['drama', 'war']),
  qdrantSearch: ({ result }) => expect(idsIn(result)).toEqual([1, 2]),
  qdrantSearchBatch: ({ result }) => expect(result.map(idsIn)).toEqual([[1]]),
  qdrantSearchGroups: ({ result }) => expect(result.groups.map(idOfItem)).toEqual(['drama', 'war']),
  qdrantRecommend: ({ result }) => expect(idsIn(result)).toEqual([2, 3]),
  qdrantRecommendBatch: ({ result }) => expect(result.map(idsIn)).toEqual([[2]]),
  qdrantRecommendGroups: ({ result }) => expect(result.groups.length).toBe(2),
  qdrantSetPayload: async () => expect((await point(1)).payload.seen).toBe(true),
  qdrantOverwritePayload: async () => expect((await point(3)).payload).toEqual({ genre: ['comedy'] }),
  qdrantDeletePayload: async () => expect((await point(1)).payload).toEqual({ genre: ['drama'], year: 1994 }),
  qdrantClearPayload: async () => expect((await point(3)).payload ?? {}).toEqual({}),
  qdrantUpdateVectors: async () => expect(await directionOf(2)).toBeCloseTo(0.5, 5),
  qdrantDeleteVectors: ({ status }) => expect(status.error).toContain('vector'),
  qdrantUpdateBatch: async () => {
    expect((await point(4)).payload).toEqual({ genre: ['war'] });
    expect((await tenant.get('/qdrant/collections/films/points/3')).status).toBe(404);
  },
  qdrantChangeAliases: async () => expect((await tenant.get('/v1/indexes/cinema')).body.name).toBe('films'),
  qdrantAliases: ({ result }) => expect(result.aliases).toContainEqual({ alias_name: 'cinema', collection_name: 'films' }),
  qdrantCollectionAliases: ({ result }) => expect(result.aliases).toEqual([{ alias_name: 'cinema', collection_name: 'films' }]),
  qdrantDeletePoints: async () => expect((await tenant.post('/v1/indexes/films/count', {})).body.count).toBe(1),
  qdrantDeleteCollection: async () => expect((await tenant.get('/v1/indexes/films')).status).toBe(404),
};

const idOfItem = ({ id }: { id: unknown }) => id;

it('[G19] the tour has every operation of the document, and nothing else', () => {
  expect([...new Set(TOUR)].toSorted()).toEqual(Object.keys(ENDPOINTS).toSorted());
  expect([...tour.operations].toSorted()).toEqual(Object.keys(ENDPOINTS).toSorted());
});

// In order, as a reader follows the page: each step needs the ones before.
it.each(TOUR.map((name, step) => [step + 1, name] as const))('[G19][G83] example %i works as shown: %s', async (_, name) => {
  const given = await tour.call(name);
  answers[name] = given;
  if (given.promised === undefined) expect(given.status, given.text).toBeGreaterThanOrEqual(400);
  else expect(given.status, given.text).toBe(given.promised);
  expect(replyFaults(document, name, given.status, given.body), given.text).toEqual([]);
  await EFFECTS[name](given.body, given.text);
});
