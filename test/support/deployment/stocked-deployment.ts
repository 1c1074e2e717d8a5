import { parseExactJson } from '../../../src/kernel/exact-json.ts';
import { TOUR } from '../../../src/contract/openapi/examples/examples.ts';
import type { EndpointName } from '../../../src/contract/endpoints.ts';
import { AdminClient } from '../../../workers/local/admin-client.ts';
import { bootstrap } from '../../../workers/local/bootstrap.ts';
import type { MockUpstream } from '../upstreams/mock-upstream.ts';
import { startMockUpstream } from '../upstreams/mock-upstream.ts';
import type { Deployment } from './deployment.ts';
import { deploy } from './deployment.ts';
import type { OpenApi } from './tour.ts';
import { Tour } from './tour.ts';

/** Operations of the tour that end something which others need. */
export const ENDING: ReadonlySet<EndpointName> = new Set<EndpointName>([
  'removeAlias',
  'deleteDocument',
  'deleteGeneration',
  'deleteIndex',
  'deleteVectors',
  'qdrantDeleteCollection',
  'qdrantDeletePoints',
  'qdrantDeleteFieldIndex',
  'removeModelAlias',
  'retireModelVersion',
  'deleteModel',
  'deleteUpstream',
  'deleteRoute',
  'unlabelPrompt',
  'deletePrompt',
  'deleteRequest',
  'deleteRequests',
  'deleteSlo',
  'deleteDebtRepository',
  'cancelUpload',
  'cancelFineTuningJob',
  'deleteQueue',
  'failAttempt',
  'completeAttempt',
  'cancelJob',
  'cancelBatch',
  'cancelMessageBatch',
  'deleteMessageBatch',
  'deleteFile',
  'drainNode',
  'noticeNode',
  'agentNotice',
  'rotatePoolToken',
  'deletePool',
  'deleteReservation',
  'deleteCohort',
  'revokeKey',
  'rotateKey',
  'deleteBudget',
  'deleteWebhook',
  'suspendTenant',
  'eraseTenant',
  'verifyErasure',
  'verifyIndexErasure',
]);

/** A deployment in which what the examples of its document name is there. */
export interface StockedDeployment {
  readonly url: string;
  readonly keys: { readonly tenant: string; readonly admin: string; readonly agent: string };
  /** Its document, whose examples have the ids of what is there, and whose bounds have all their digits. */
  readonly document: OpenApi;
  stop(): Promise<void>;
}

/** Follows the tour of the document, without what ends something. */
export async function deployStocked(): Promise<StockedDeployment> {
  const upstream = await startMockUpstream();
  const server = await deploy(1, { LOG_LEVEL: 'warn', UPSTREAM_PRIVATE_HOSTS: `127.0.0.1:${upstream.port}` });
  const url = server.urls[0] ?? '';
  const { apiKey: tenant, adminKey: admin } = await bootstrap(url, server.secrets.SLUICE_ADMIN_KEY);
  await serveModels(new AdminClient(url, admin), upstream);
  const text = await (await fetch(`${url}/openapi.json`)).text();
  const document = parseExactJson(text) as OpenApi;
  const tour = new Tour(url, { tenant, admin }, JSON.parse(text) as OpenApi);
  for (const name of new Set(TOUR)) if (!ENDING.has(name)) await tour.call(name);
  for (const methods of Object.values(document.paths)) for (const operation of Object.values(methods)) fillWhatIsThere(tour, operation);
  return {
    url,
    keys: { tenant, admin, agent: String(tour.answered('createPool.agent_token')) },
    document,
    stop: () => stop(server, upstream),
  };
}

/** The model of the examples. */
async function serveModels(admin: AdminClient, { baseUrl }: MockUpstream): Promise<void> {
  const prices = { input: 1, output: 2 };
  const serves = ['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations'];
  const model = { name: 'small', serves, context_tokens: 100_000, output_tokens_max: 1_000, prices };
  await admin.create('/v1/upstreams', {
    name: 'lab',
    protocol: 'openai',
    base_url: baseUrl,
    secret: 'sk-mock-0123456789abcdef',
    models: [model],
  });
}

/** An operation that takes what one that ends something answers keeps its example. */
function fillWhatIsThere(tour: Tour, operation: Parameters<Tour['fill']>[0]): void {
  const sources = Object.values(operation['x-sluice-example'].answered ?? {});
  if (sources.every((source) => !ENDING.has(source.split('.', 1)[0] as EndpointName))) tour.fill(operation);
}

async function stop(server: Deployment, upstream: MockUpstream): Promise<void> {
  await server.stop();
  await upstream.kill();
}
