import { must } from '../../../kernel/assert.ts';
import type { Access, Endpoint } from '../../api/endpoint.ts';
import type { EndpointName } from '../../endpoints.ts';
import { ENDPOINTS } from '../../endpoints.ts';
import { VECTOR_FRAME_TYPE } from '../../../kernel/vector-frame.ts';
import type { Answered, Example } from './example.ts';
import { standIn } from './stand-in.ts';
import { jobExamples } from './jobs.ts';
import { modelExamples } from './models.ts';
import { planningExamples } from './planning.ts';
import { promptExamples } from './prompts.ts';
import { qdrantExamples } from './qdrant.ts';
import { requestExamples } from './requests.ts';
import { retrievalExamples } from './retrieval.ts';
import { routeExamples } from './routes.ts';
import { storedAnswerExamples } from './stored-answers.ts';
import { tenancyExamples } from './tenancy.ts';
import { upstreamExamples } from './upstreams.ts';

/** One example for each endpoint: an endpoint without one does not compile. */
export const EXAMPLES: Readonly<Record<EndpointName, Example>> = {
  ...retrievalExamples,
  ...tenancyExamples,
  ...jobExamples,
  ...modelExamples,
  ...upstreamExamples,
  ...storedAnswerExamples,
  ...routeExamples,
  ...promptExamples,
  ...requestExamples,
  ...planningExamples,
  ...qdrantExamples,
};

/**
 * The order in which the examples work, against a gateway with a tenant and without the names they use. Some are made twice: a job
 * that was given back is leased again, and another one is cancelled.
 */
const CHAPTERS = [
  ['health', 'ready', 'listModels', 'getModel', 'createEmbeddings', 'rerank'],
  [
    'cohereEmbed',
    'cohereEmbedV1',
    'cohereRerank',
    'teiEmbed',
    'teiRerank',
    'teiModel',
    'teiModelEmbed',
    'teiModelEmbedSparse',
    'teiModelEmbedAll',
    'teiModelRerank',
  ],
  [
    'createIndex',
    'listIndexes',
    'describeIndex',
    'upsertVectors',
    'indexStats',
    'queryVectors',
    'queryVectorsBatch',
    'searchIndex',
    'searchIndexBatch',
    'evaluateIndex',
    'setSearchSettings',
    'deleteSearchSettings',
    'fetchVectors',
    'listVectors',
  ],
  ['countVectors', 'updateMetadata', 'updateFields', 'importVectors', 'exportVectors', 'measureRecall', 'deleteVectors'],
  ['setAlias', 'changeAliases', 'listAliases', 'listIndexAliases', 'removeAlias'],
  ['putDocument', 'getDocument', 'followDocument', 'listDocuments', 'listDocumentChunks', 'rechunkDocument', 'deleteDocument'],
  ['createGeneration', 'listGenerations', 'activateGeneration', 'rollbackGeneration', 'deleteGeneration'],
  ['purgeCache', 'getPurge', 'cacheStats', 'deleteIndex', 'verifyIndexErasure'],
  ['qdrantVersion', 'qdrantHealth', 'qdrantLiveness', 'qdrantReadiness', 'qdrantCreateCollection', 'qdrantListCollections'],
  ['qdrantCollection', 'qdrantCollectionExists', 'qdrantUpdateCollection', 'qdrantCreateFieldIndex', 'qdrantDeleteFieldIndex'],
  ['qdrantUpsertPoints', 'qdrantRetrievePoints', 'qdrantRetrievePoint', 'qdrantScrollPoints', 'qdrantCountPoints', 'qdrantFacet'],
  ['qdrantQuery', 'qdrantQueryBatch', 'qdrantQueryGroups', 'qdrantSearch', 'qdrantSearchBatch', 'qdrantSearchGroups'],
  ['qdrantRecommend', 'qdrantRecommendBatch', 'qdrantRecommendGroups', 'qdrantSetPayload', 'qdrantOverwritePayload'],
  ['qdrantDeletePayload', 'qdrantClearPayload', 'updateValues', 'qdrantUpdateVectors', 'qdrantDeleteVectors', 'qdrantUpdateBatch'],
  ['qdrantChangeAliases', 'qdrantAliases', 'qdrantCollectionAliases', 'qdrantDeletePoints', 'qdrantDeleteCollection'],
  ['uploadFile', 'listFiles', 'getFile', 'getFileContent', 'planJob', 'createJob', 'listJobs', 'getJob', 'explainJob', 'getJobLogs'],
  ['createModel', 'listModelVersions', 'getModelVersion', 'readModelVersionFile', 'promoteModel', 'rollbackModel', 'setModelAlias'],
  ['kserveServer', 'kserveLive', 'kserveReady', 'kserveModels', 'kserveModel', 'kserveModelReady', 'kserveModelConfig'],
  ['kserveVersion', 'kserveVersionReady', 'kserveVersionConfig'],
  ['removeModelAlias', 'kserveInfer', 'kserveVersionInfer', 'classify', 'listModelEvents', 'retireModelVersion', 'deleteModel'],
  ['createUpstream', 'listUpstreams', 'getUpstream', 'getUpstreamHealth', 'changeUpstream', 'deleteUpstream', 'checkUpstream'],
  [
    'createChatCompletion',
    'createCompletion',
    'createResponse',
    'createMessage',
    'countMessageTokens',
    'createUpstreamEmbeddings',
    'createUpstreamRanking',
    'createModeration',
  ],
  ['getStoredAnswersPolicy', 'setStoredAnswersPolicy', 'getResponse', 'listResponseInputItems', 'deleteResponse', 'listChatCompletions'],
  ['countResponseTokens', 'getChatCompletion', 'listChatCompletionMessages', 'updateChatCompletion', 'deleteChatCompletion'],
  ['createImage', 'editImage', 'varyImage', 'createSpeech', 'createTranscription', 'createTranslation'],
  ['createRoute', 'listRoutes', 'getRoute', 'listRouteVersions', 'activateRoute', 'explainRoute', 'rollbackRoute', 'deleteRoute'],
  ['createPrompt', 'listPrompts', 'getPrompt', 'listPromptVersions', 'labelPrompt', 'renderPrompt', 'unlabelPrompt', 'deletePrompt'],
  ['getRequestPolicy', 'listRequests', 'getRequest', 'addRequestFeedback', 'requestStats', 'exportRequests', 'setRequestPolicy'],
  ['getCostReport', 'deleteRequest', 'deleteRequests'],
  ['getCapacityForecast', 'forecastCapacityHistory', 'setCapacityAlerts', 'getCapacityAlerts', 'setSlo', 'listSlos', 'getSlo', 'deleteSlo'],
  [
    'setDebtRepository',
    'listDebtRepositories',
    'uploadDebtFacts',
    'listDebtFacts',
    'listDebtItems',
    'getDebtItem',
    'changeDebtItem',
    'getDebtPlan',
    'getCapacityTeams',
    'getDebtOnboarding',
    'getDebtSummary',
    'deleteDebtRepository',
  ],
  ['createUpload', 'addUploadPart', 'completeUpload', 'createUpload', 'cancelUpload'],
  [
    'createFineTuningJob',
    'listFineTuningJobs',
    'getFineTuningJob',
    'listFineTuningEvents',
    'listFineTuningCheckpoints',
    'pauseFineTuningJob',
    'resumeFineTuningJob',
    'cancelFineTuningJob',
  ],
  ['createQueue', 'listQueues', 'getQueue', 'changeQueue', 'deleteQueue'],
  ['suspendJob', 'resumeJob', 'reprioritiseJob', 'resizeJob'],
  ['createPool', 'listPools', 'getPool', 'changePool', 'setPoolPrice', 'listPoolPrices', 'registerAgent', 'leaseWork', 'heartbeat'],
  ['poolDemand', 'preemptJob', 'listNodes', 'cordonNode', 'uncordonNode', 'failAttempt', 'listJobAttempts'],
  [
    'leaseWork',
    'readInput',
    'signTransfer',
    'readTransfer',
    'writeTransfer',
    'meetPeers',
    'writeCheckpoint',
    'readCheckpoint',
    'readAttemptModel',
    'readAttemptModelFile',
    'beginBuild',
    'readBuildSample',
    'commitBuild',
    'appendLog',
    'writeOutput',
    'completeAttempt',
    'getJobCost',
    'getJobEvents',
    'embedOnJob',
  ],
  ['createJob', 'cancelJob', 'createBatch', 'listBatches', 'getBatch', 'cancelBatch', 'deleteFile'],
  ['createMessageBatch', 'listMessageBatches', 'getMessageBatch', 'cancelMessageBatch', 'getMessageBatchResults', 'deleteMessageBatch'],
  ['drainNode', 'noticeNode', 'agentNotice', 'rotatePoolToken', 'deletePool'],
  ['createOrganisation', 'listOrganisations', 'setOrganisationCache', 'getOrganisationCache', 'createTenant', 'listTenants', 'getTenant'],
  ['createReservation', 'listReservations', 'getReservation', 'deleteReservation'],
  ['createCohort', 'listCohorts', 'getCohort', 'changeCohort', 'deleteCohort'],
  ['createProject', 'listProjects', 'createKey', 'listKeys', 'getKey', 'rotateKey', 'revokeKey', 'setQuota', 'getQuota'],
  ['getUsage', 'getInvoice', 'getInvoiceCsv', 'getInvoiceHtml', 'listInvoices', 'reconcileInvoice'],
  ['createCredit', 'listCredits', 'createCharge', 'listCharges', 'setBudget', 'listBudgets', 'deleteBudget'],
  ['createWebhook', 'listWebhooks', 'deleteWebhook', 'listAlerts', 'listAudit'],
  ['suspendTenant', 'resumeTenant', 'eraseTenant', 'verifyErasure', 'metrics'],
] as const satisfies readonly (readonly EndpointName[])[];

export const TOUR: readonly EndpointName[] = CHAPTERS.flat();

/** What this reads and writes of an operation of an OpenAPI document. */
/** What a body that may be bare text is then. */
function textIn(example: unknown, { body }: Endpoint, type: string): unknown {
  if (body.kind !== 'json' || body.text?.type !== type) return undefined;
  return (example as Readonly<Record<string, unknown>>)[body.text.field];
}

interface Operation {
  readonly operationId: EndpointName;
  readonly parameters?: { readonly name: string; readonly in: string; schema?: Record<string, unknown>; example?: unknown }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema?: object; example?: unknown }> };
  readonly responses: Record<string, { links?: Record<string, unknown> }>;
  security?: readonly Record<string, readonly string[]>[];
  'x-sluice-example'?: {
    readonly step: number;
    readonly as: Caller;
    readonly refused?: string;
    /** Where the example has values that earlier operations answered, such as `body/training_file`, and which: `completeUpload.file.id`. */
    readonly answered?: Readonly<Record<string, string>>;
  };
}

type Caller = 'tenant' | 'admin' | 'agent' | 'anyone';

/** The names of the security schemes, which are all bearer keys: Swagger sends the last one of an operation that it has a key for. */
export const SCHEMES = { tenant: 'tenantKey', admin: 'adminKey', agent: 'agentToken' } as const;

const isAnswered = (value: object): value is Answered => 'operation' in value && 'path' in value;

interface Described {
  readonly paths?: object | undefined;
  readonly components?: { readonly schemas?: object | undefined } | undefined;
}

/**
 * Puts the examples into an OpenAPI document: as `example` of parameters and bodies, as links from the answers that they take ids from, and
 * their position in the tour as `x-sluice-example`. For a value that an earlier operation answers stands one that fits its schema. Parameters
 * that an example leaves out have none: what a page fills in is the example and nothing else.
 */
export function showExamples<D extends Described>(document: D): D {
  const operations = new Map<EndpointName, Operation>();
  for (const methods of Object.values(document.paths ?? {}) as object[]) {
    for (const operation of Object.values(methods) as Operation[]) operations.set(operation.operationId, operation);
  }
  for (const [name, operation] of operations) showExample(operation, EXAMPLES[name], document.components?.schemas ?? {});
  for (const [name, operation] of operations) {
    for (const [key, source] of answeredParameters(operation, EXAMPLES[name])) link(operations, source, name, key);
  }
  return document;
}

function showExample(operation: Operation, example: Example, components: object): void {
  const answered: Record<string, string> = {};
  const show = (value: unknown, schema: object, root: string, place: readonly string[] = []): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (isAnswered(value)) {
      answered[[root, ...place].join('/')] = `${value.operation}.${value.path}`;
      return standIn(schema, place, components as Parameters<typeof standIn>[2]);
    }
    if (Array.isArray(value)) return value.map((item, at) => show(item, schema, root, [...place, String(at)]));
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, show(member, schema, root, [...place, name])]));
  };
  const given = { ...example.params, ...example.query } as Readonly<Record<string, unknown>>;
  for (const parameter of operation.parameters ?? []) {
    if (parameter.in === 'header') continue;
    const value = given[parameter.name];
    if (value !== undefined) parameter.example = show(value, parameter.schema ?? {}, `${parameter.in}/${parameter.name}`);
    const { example: _dropped, ...schema } = parameter.schema ?? {};
    parameter.schema = schema;
  }
  // A frame is no text.
  for (const [type, media] of Object.entries(operation.requestBody?.content ?? {})) {
    if (type === VECTOR_FRAME_TYPE) continue;
    const text = textIn(example.body, ENDPOINTS[operation.operationId], type);
    media.example = text ?? show(example.body, media.schema ?? {}, 'body');
  }
  const as = callerOf(ENDPOINTS[operation.operationId].access, example);
  const schemes = schemesOf(ENDPOINTS[operation.operationId].access, as);
  operation.security = schemes.map((scheme) => ({ [scheme]: [] }));
  operation['x-sluice-example'] = {
    step: TOUR.indexOf(operation.operationId) + 1,
    as,
    ...(example.refused === undefined ? {} : { refused: example.refused }),
    ...(Object.keys(answered).length === 0 ? {} : { answered }),
  };
}

function callerOf(access: Access, example: Example): Caller {
  switch (access.kind) {
    case 'public':
      return 'anyone';
    case 'tenant-or-admin':
      return must(example.as, 'an example that the tenant or the admin may call says which of them does');
    case 'tenant':
    case 'admin':
    case 'agent':
      return access.kind;
  }
}

/** The caller of the example comes last, so that its key is the one that is sent. */
function schemesOf(access: Access, as: Caller): string[] {
  if (as === 'anyone') return [];
  const other = as === 'admin' ? 'tenant' : 'admin';
  return access.kind === 'tenant-or-admin' ? [SCHEMES[other], SCHEMES[as]] : [SCHEMES[as]];
}

function* answeredParameters(operation: Operation, example: Example): Generator<[string, Answered]> {
  for (const place of ['path', 'query'] as const) {
    const given = (place === 'path' ? example.params : example.query) ?? {};
    for (const [name, value] of Object.entries(given) as [string, unknown][]) {
      const isThere = operation.parameters?.some((parameter) => parameter.in === place && parameter.name === name);
      if (isThere === true && typeof value === 'object' && value !== null && isAnswered(value)) yield [`${place}.${name}`, value];
    }
  }
}

/** OpenAPI's own way to say that an answer has a parameter of another operation. */
function link(operations: ReadonlyMap<EndpointName, Operation>, source: Answered, target: EndpointName, parameter: string): void {
  const from = must(operations.get(source.operation as EndpointName), `an operation ${source.operation}`);
  const response = must(from.responses[ENDPOINTS[source.operation as EndpointName].status], 'every operation has its answer');
  const parameters = { [parameter]: `$response.body#/${source.path.replaceAll('.', '/')}` };
  const known = response.links?.[target] as { readonly parameters: object } | undefined;
  response.links = { ...response.links, [target]: { operationId: target, parameters: { ...known?.parameters, ...parameters } } };
}
