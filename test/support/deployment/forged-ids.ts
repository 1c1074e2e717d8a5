import { randomBytes } from 'node:crypto';

import { PATH_PARAMS } from '../../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { SIGNATURE_CHARS } from '../../../src/kernel/id-signer.ts';
import { base32 } from '../../../src/kernel/ids.ts';
import type { KeyId, PoolId } from '../../../src/kernel/ids.ts';
import { agentToken } from '../../../src/pools/agent-token.ts';
import { formatApiKey, SECRET_BYTES } from '../../../src/tenancy/keys/api-key.ts';
import { ORGANISATION_CHARS } from '../../../src/tenancy/resource-ids.ts';
import { SAMPLE_BODIES } from '../fixtures/sample-bodies.ts';

/** A call that names something that does not exist. */
export interface ForgedCall {
  readonly by: 'admin' | 'tenant' | { readonly credential: string };
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

const random = (count: number): string => base32(randomBytes(count));

/** Ids in the current format, and in the formats of organisations and pools from before ids were signed. */
const stem = (): string => random(ORGANISATION_CHARS + (randomBytes(1)[0]! < 128 ? SIGNATURE_CHARS : 0));

const FORGED: Readonly<Record<string, () => string>> = {
  organisation: () => `org_${stem()}`,
  tenant: () => `tn_${stem()}_${random(8)}`,
  project: () => `prj_${stem()}_${random(8)}`,
  key: () => `key_${stem()}${random(10)}`,
  pool: () => `pool_${stem()}`,
  node: () => `agt_${random(16)}`,
  index: () => `forged-${random(10)}`,
  collection: () => `forged-${random(10)}`,
  alias: () => `forged-${random(10)}`,
  request: () => `req_${random(32)}`,
  queue: () => `forged-${random(10)}`,
  route: () => `forged-${random(10)}`,
  cohort: () => `forged-${random(10)}`,
  reservation: () => `rsv_${random(20)}`,
  file: () => `file_${random(26)}${randomBytes(1)[0]! < 128 ? '' : '_1'}`,
  job: () => `job_${random(26)}`,
  tuning: () => `ftjob_${random(26)}`,
  attempt: () => `job_${random(26)}_1`,
  purge: () => `pg_${random(26)}`,
  erasure: () => `ix_${random(16)}`,
  webhook: () => `wh_${random(20)}`,
  budget: () => `bud_org_${stem()}`,
  period: () => '2026-10',
  model: () => `forged-${random(10)}`,
  model_alias: () => `forged-${random(10)}`,
  version: () => '1',
  id: () => random(10),
  point: () => '1',
  field: () => 'mark',
};

const forged = (kind: string): string => FORGED[kind]?.() ?? random(10);
const everyForged = (): Record<string, string> => Object.fromEntries(Object.entries(FORGED).map(([kind, make]) => [kind, make()]));

const callOf = (name: EndpointName) => (): ForgedCall => {
  const { method, path, access } = ENDPOINTS[name] as Endpoint;
  const ids = everyForged();
  const filled = path.replaceAll(PATH_PARAMS, (_, parameter: string) => ids[parameter] ?? forged(parameter));
  return { by: access.kind === 'tenant' ? 'tenant' : 'admin', method, path: filled, body: SAMPLE_BODIES[name]?.(ids) };
};

const reading = (by: 'admin' | 'tenant', kind: string, path: (id: string) => string) => (): ForgedCall => ({
  by,
  method: 'GET',
  path: path(forged(kind)),
  body: undefined,
});

const withCredential = (credential: () => string, method: string, path: () => string, body?: unknown) => (): ForgedCall => ({
  by: { credential: credential() },
  method,
  path: path(),
  body,
});

const apiKey = () => formatApiKey(forged('key') as KeyId, randomBytes(SECRET_BYTES));

/** The endpoints whose path has the parameter. */
const endpointsOf = (parameter: string, ...but: readonly EndpointName[]) =>
  (Object.keys(ENDPOINTS) as EndpointName[])
    .filter((name) => !but.includes(name) && ENDPOINTS[name].path.split('/').includes(`:${parameter}`))
    .map(callOf);

const LEVELS = ['organisation', 'tenant', 'project', 'key'] as const;

/** By kind of id: the calls that name an invented one. */
export const FORGED_CALLS: Readonly<Record<string, readonly (() => ForgedCall)[]>> = {
  'API keys': [
    withCredential(apiKey, 'GET', () => '/v1/models'),
    withCredential(apiKey, 'POST', () => '/v1/embeddings', { model: 'm', input: 'x' }),
  ],
  'agent tokens': ['', 'x'].map(() => {
    let pool = '';
    const token = () => agentToken((pool = forged('pool')) as PoolId, randomBytes(40));
    return withCredential(token, 'POST', () => `/v1/pools/${pool}/agents`, { name: 'probe' });
  }),
  // qdrantCreateCollection is left out: it creates the collection that it names.
  'index names': [...endpointsOf('index'), ...endpointsOf('collection', 'qdrantCreateCollection')],
  'alias names': endpointsOf('alias'),
  'queue and cohort names': [...endpointsOf('queue'), ...endpointsOf('cohort'), ...endpointsOf('reservation')],
  organisations: [
    ...endpointsOf('organisation'),
    ...(['createTenant', 'createCredit', 'createCharge', 'createWebhook', 'createCohort'] as const).map(callOf),
    ...['tenants', 'audit', 'usage', 'credits', 'charges', 'budgets', 'webhooks', 'alerts', 'invoices', 'invoices/2026-10'].map((path) =>
      reading('admin', 'organisation', (id) => `/v1/${path}?organisation=${id}`),
    ),
  ],
  tenants: [
    ...endpointsOf('tenant'),
    ...(['createProject', 'createKey', 'setQuota', 'setBudget'] as const).map(callOf),
    ...['keys', 'projects', 'usage', 'cache/stats', `cache/purges/${forged('purge')}`].map((path) =>
      reading('admin', 'tenant', (id) => `/v1/${path}?tenant=${id}`),
    ),
  ],
  keys: [...endpointsOf('key'), reading('tenant', 'key', (id) => `/v1/keys/${id}`)],
  'levels of quotas': LEVELS.flatMap((level) =>
    (['admin', 'tenant'] as const).map((by) => reading(by, level, (id) => `/v1/quotas?${level}=${id}`)),
  ),
  pools: [...endpointsOf('pool').filter((call) => call().by === 'admin'), reading('admin', 'pool', (id) => `/v1/pools/${id}`)],
  files: endpointsOf('file'),
  jobs: endpointsOf('job'),
  purges: endpointsOf('purge').map((call) => () => ({ ...call(), by: 'tenant' as const })),
  erasures: endpointsOf('erasure'),
};
