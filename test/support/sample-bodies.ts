import type { EndpointName } from '../../src/contract/endpoints.ts';

const MODEL = 'glove-sif-100';

/**
 * A valid body for each endpoint that takes one. `owned` holds ids by what they name, as path parameters do: a tenant, its organisation
 * and one of its files.
 */
export const SAMPLE_BODIES: Partial<Record<EndpointName, (owned: Readonly<Record<string, string>>) => unknown>> = {
  createEmbeddings: () => ({ model: MODEL, input: 'x' }),
  createIndex: () => ({ name: 'probe', dimensions: 4, owner: 'testers' }),
  upsertVectors: () => ({ vectors: [{ id: 'intruder', text: 'intruder' }] }),
  queryVectors: () => ({ text: 'the secret of tenant a', include_text: true, include_values: true }),
  measureRecall: () => ({ samples: 1 }),
  importVectors: () => new Blob(['{"id": "intruder", "text": "intruder"}\n'], { type: 'application/x-ndjson' }),
  createGeneration: () => ({ metric: 'dot' }),
  activateGeneration: () => ({ allow_missing: true }),
  rollbackGeneration: () => ({ allow_missing: true }),
  fetchVectors: () => ({ ids: ['secret-vector'], include_text: true }),
  changeAliases: () => ({ actions: [{ set: { alias: 'probe', index: 'secrets' } }] }),
  qdrantChangeAliases: () => ({ actions: [{ create_alias: { alias_name: 'probe', collection_name: 'secrets' } }] }),
  qdrantCreateCollection: () => ({ vectors: { size: 4, distance: 'Cosine' } }),
  qdrantUpdateCollection: () => ({}),
  qdrantCreateFieldIndex: () => ({ field_name: 'mark', field_schema: 'keyword' }),
  qdrantUpsertPoints: () => ({ points: [{ id: 1, vector: Array.from({ length: 100 }, () => 1) }] }),
  qdrantRetrievePoints: () => ({ ids: ['secret-vector'] }),
  qdrantDeletePoints: () => ({ filter: {} }),
  qdrantScrollPoints: () => ({}),
  qdrantCountPoints: () => ({}),
  qdrantFacet: () => ({ key: 'kind' }),
  qdrantUpdateVectors: () => ({ points: [{ id: 'secret-vector', vector: Array.from({ length: 100 }, () => 1) }] }),
  qdrantDeleteVectors: () => ({ points: ['secret-vector'], vector: [''] }),
  qdrantSetPayload: () => ({ payload: { mark: 'x' }, points: ['secret-vector'] }),
  qdrantOverwritePayload: () => ({ payload: { mark: 'x' }, filter: {} }),
  qdrantDeletePayload: () => ({ keys: ['mark'], points: ['secret-vector'] }),
  qdrantClearPayload: () => ({ filter: {} }),
  qdrantUpdateBatch: () => ({ operations: [{ delete: { filter: {} } }] }),
  qdrantQuery: () => ({ query: Array.from({ length: 100 }, () => 1), with_payload: true }),
  qdrantQueryBatch: () => ({ searches: [{ query: Array.from({ length: 100 }, () => 1), with_payload: true }] }),
  qdrantQueryGroups: () => ({ query: Array.from({ length: 100 }, () => 1), group_by: 'mark' }),
  qdrantSearch: () => ({ vector: Array.from({ length: 100 }, () => 1), limit: 3 }),
  qdrantSearchBatch: () => ({ searches: [{ vector: Array.from({ length: 100 }, () => 1), limit: 3 }] }),
  qdrantSearchGroups: () => ({ vector: Array.from({ length: 100 }, () => 1), group_by: 'mark' }),
  qdrantRecommend: () => ({ positive: ['secret-vector'] }),
  qdrantRecommendBatch: () => ({ searches: [{ positive: ['secret-vector'] }] }),
  qdrantRecommendGroups: () => ({ positive: ['secret-vector'], group_by: 'mark' }),
  listVectors: () => ({ include_text: true, include_values: true }),
  countVectors: () => ({}),
  updateMetadata: () => ({ ids: ['secret-vector'], replace: null }),
  updateValues: () => ({ vectors: [{ id: 'secret-vector', values: Array.from({ length: 100 }, () => 1) }] }),
  deleteVectors: () => ({ all: true }),
  purgeCache: () => ({ everything: true }),
  createOrganisation: () => ({ name: 'probe', owner: 'testers' }),
  setOrganisationCache: () => ({ shared: true }),
  createTenant: (owned) => ({ organisation: owned['organisation'], name: 'probe', owner: 'testers' }),
  createProject: (owned) => ({ tenant: owned['tenant'], name: 'probe', owner: 'testers' }),
  createKey: (owned) => ({ tenant: owned['tenant'], name: 'probe', owner: 'testers' }),
  rotateKey: () => ({ grace_seconds: 0 }),
  setQuota: (owned) => ({ tenant: owned['tenant'], rules: [{ resource: 'requests', window: 'minute', limit: 1 }] }),
  createCredit: (owned) => ({ organisation: owned['organisation'], description: 'probe', amount_usd: '1' }),
  createCharge: (owned) => ({ organisation: owned['organisation'], description: 'probe', monthly_usd: '1', starts_at: 0 }),
  setBudget: (owned) => ({ tenant: owned['tenant'], amount_usd: '1000' }),
  createWebhook: (owned) => ({ organisation: owned['organisation'], url: 'https://127.0.0.1:1/' }),
  uploadFile: () => {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(['{}\n']), 'probe.jsonl');
    return form;
  },
  createJob: (owned) => ({ kind: 'batch_embedding', model: MODEL, input_file: owned['file'], owner: 'testers' }),
  createPool: () => ({ name: 'probe', owner: 'testers' }),
  registerAgent: () => ({ name: 'probe' }),
  leaseWork: () => ({ agent: `agt_${'0'.repeat(16)}`, wait_ms: 0 }),
  heartbeat: () => ({ fence: 1, progress: { completed: 0, failed: 0, total: null } }),
  completeAttempt: () => ({ fence: 1, progress: { completed: 0, failed: 0, total: 0 }, tokens: 0 }),
  failAttempt: () => ({ fence: 1, reason: 'agent_error', message: 'x' }),
};
