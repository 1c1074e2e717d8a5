import type { EndpointName } from '../endpoints.ts';
import type { Example } from './example.ts';
import { jobExamples } from './jobs.ts';
import { qdrantExamples } from './qdrant.ts';
import { retrievalExamples } from './retrieval.ts';
import { tenancyExamples } from './tenancy.ts';

/** One example for each endpoint: an endpoint without one does not compile. */
export const EXAMPLES: Readonly<Record<EndpointName, Example>> = {
  ...retrievalExamples,
  ...tenancyExamples,
  ...jobExamples,
  ...qdrantExamples,
};

/**
 * The order in which the examples work, against a gateway with a tenant and without the names they use. Some are made twice: a job
 * that was given back is leased again, and another one is cancelled.
 */
const CHAPTERS = [
  ['health', 'ready', 'listModels', 'getModel', 'createEmbeddings'],
  ['createIndex', 'listIndexes', 'describeIndex', 'upsertVectors', 'indexStats', 'queryVectors', 'fetchVectors', 'listVectors'],
  ['countVectors', 'updateMetadata', 'importVectors', 'exportVectors', 'measureRecall', 'deleteVectors'],
  ['setAlias', 'changeAliases', 'listAliases', 'listIndexAliases', 'removeAlias'],
  ['createGeneration', 'listGenerations', 'activateGeneration', 'rollbackGeneration', 'deleteGeneration'],
  ['purgeCache', 'getPurge', 'cacheStats', 'deleteIndex', 'verifyIndexErasure'],
  ['qdrantVersion', 'qdrantHealth', 'qdrantLiveness', 'qdrantReadiness', 'qdrantCreateCollection', 'qdrantListCollections'],
  ['qdrantCollection', 'qdrantCollectionExists', 'qdrantUpdateCollection', 'qdrantCreateFieldIndex', 'qdrantDeleteFieldIndex'],
  ['qdrantUpsertPoints', 'qdrantRetrievePoints', 'qdrantRetrievePoint', 'qdrantScrollPoints', 'qdrantCountPoints', 'qdrantFacet'],
  ['qdrantQuery', 'qdrantQueryBatch', 'qdrantQueryGroups', 'qdrantSearch', 'qdrantSearchBatch', 'qdrantSearchGroups'],
  ['qdrantRecommend', 'qdrantRecommendBatch', 'qdrantRecommendGroups', 'qdrantSetPayload', 'qdrantOverwritePayload'],
  ['qdrantDeletePayload', 'qdrantClearPayload', 'updateValues', 'qdrantUpdateVectors', 'qdrantDeleteVectors', 'qdrantUpdateBatch'],
  ['qdrantChangeAliases', 'qdrantAliases', 'qdrantCollectionAliases', 'qdrantDeletePoints', 'qdrantDeleteCollection'],
  ['uploadFile', 'listFiles', 'getFile', 'getFileContent', 'createJob', 'listJobs', 'getJob'],
  ['createPool', 'listPools', 'getPool', 'registerAgent', 'leaseWork', 'heartbeat', 'failAttempt'],
  ['leaseWork', 'readInput', 'writeOutput', 'completeAttempt', 'createJob', 'cancelJob', 'deleteFile'],
  ['createOrganisation', 'listOrganisations', 'setOrganisationCache', 'getOrganisationCache', 'createTenant', 'listTenants', 'getTenant'],
  ['createProject', 'listProjects', 'createKey', 'listKeys', 'getKey', 'rotateKey', 'revokeKey', 'setQuota', 'getQuota'],
  ['getUsage', 'getInvoice', 'getInvoiceCsv', 'getInvoiceHtml', 'listInvoices', 'reconcileInvoice'],
  ['createCredit', 'listCredits', 'createCharge', 'listCharges', 'setBudget', 'listBudgets', 'deleteBudget'],
  ['createWebhook', 'listWebhooks', 'deleteWebhook', 'listAlerts', 'listAudit'],
  ['suspendTenant', 'resumeTenant', 'eraseTenant', 'verifyErasure', 'metrics'],
] as const satisfies readonly (readonly EndpointName[])[];

export const TOUR: readonly EndpointName[] = CHAPTERS.flat();
