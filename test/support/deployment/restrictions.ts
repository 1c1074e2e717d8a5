import type { EndpointName, ENDPOINTS } from '../../../src/contract/endpoints.ts';

/**
 * What a call uses of the two kinds that keys can be restricted to. `named`: the one it names; `all`: every one of the kind; `of the
 * index`: the model that embeds the index's texts; `none`: nothing, so a key that is restricted in the kind may call it.
 */
export interface Restriction {
  readonly index: 'named' | 'all' | 'none';
  readonly model: 'named' | 'all' | 'of the index' | 'none';
}

type OfTenants = {
  [N in EndpointName]: (typeof ENDPOINTS)[N]['access']['kind'] extends 'tenant' | 'tenant-or-admin' ? N : never;
}[EndpointName];

const ofIndex: Restriction = { index: 'named', model: 'none' };
const ofTexts: Restriction = { index: 'named', model: 'of the index' };
const ofIndexes: Restriction = { index: 'all', model: 'none' };
const ofModel: Restriction = { index: 'none', model: 'named' };
/** It uses neither an index nor a model; its answer contains their names at most. */
const free: Restriction = { index: 'none', model: 'none' };

/** Written by hand, independently of the code that decides it. A tenant endpoint that is missing here does not compile. */
export const RESTRICTIONS: Readonly<Record<OfTenants, Restriction>> = {
  createEmbeddings: ofModel,
  listModels: free,
  getModel: ofModel,
  createIndex: ofIndex,
  listIndexes: ofIndexes,
  describeIndex: ofIndex,
  indexStats: ofIndex,
  deleteIndex: ofIndex,
  changeAliases: ofIndexes,
  listAliases: ofIndexes,
  listIndexAliases: ofIndex,
  setAlias: ofIndex,
  removeAlias: ofIndex,
  upsertVectors: ofTexts,
  queryVectors: ofTexts,
  queryVectorsBatch: ofTexts,
  fetchVectors: ofIndex,
  deleteVectors: ofIndex,
  listVectors: ofIndex,
  countVectors: ofIndex,
  updateMetadata: ofIndex,
  updateValues: ofIndex,
  importVectors: ofTexts,
  exportVectors: ofIndex,
  createGeneration: ofTexts,
  listGenerations: ofIndex,
  activateGeneration: ofTexts,
  rollbackGeneration: ofTexts,
  deleteGeneration: ofIndex,
  verifyIndexErasure: ofIndexes,
  measureRecall: ofIndex,
  purgeCache: { index: 'all', model: 'all' },
  getPurge: free,
  cacheStats: free,
  uploadFile: free,
  listFiles: free,
  getFile: free,
  getFileContent: free,
  deleteFile: free,
  createJob: ofModel,
  listJobs: free,
  getJob: free,
  explainJob: free,
  getJobLogs: free,
  cancelJob: free,
  suspendJob: free,
  resumeJob: free,
  preemptJob: free,
  resizeJob: free,
  reprioritiseJob: free,
  listJobAttempts: free,
  getJobCost: free,
  getJobEvents: free,
  createBatch: ofModel,
  listBatches: free,
  getBatch: free,
  cancelBatch: free,
  createProject: free,
  listProjects: free,
  createKey: free,
  listKeys: free,
  getKey: free,
  rotateKey: free,
  revokeKey: free,
  getQuota: free,
  getUsage: free,
  getInvoice: free,
  getInvoiceCsv: free,
  getInvoiceHtml: free,
  qdrantChangeAliases: ofIndexes,
  qdrantAliases: ofIndexes,
  qdrantCollectionAliases: ofIndex,
  qdrantListCollections: ofIndexes,
  qdrantCollection: ofIndex,
  qdrantCollectionExists: ofIndex,
  qdrantCreateCollection: ofIndex,
  qdrantUpdateCollection: ofIndex,
  qdrantDeleteCollection: ofIndex,
  qdrantCreateFieldIndex: ofIndex,
  qdrantDeleteFieldIndex: ofIndex,
  qdrantUpsertPoints: ofIndex,
  qdrantRetrievePoints: ofIndex,
  qdrantRetrievePoint: ofIndex,
  qdrantDeletePoints: ofIndex,
  qdrantScrollPoints: ofIndex,
  qdrantCountPoints: ofIndex,
  qdrantFacet: ofIndex,
  qdrantUpdateVectors: ofIndex,
  qdrantDeleteVectors: ofIndex,
  qdrantSetPayload: ofIndex,
  qdrantOverwritePayload: ofIndex,
  qdrantDeletePayload: ofIndex,
  qdrantClearPayload: ofIndex,
  qdrantUpdateBatch: ofIndex,
  qdrantQuery: ofIndex,
  qdrantQueryBatch: ofIndex,
  qdrantQueryGroups: ofIndex,
  qdrantSearch: ofIndex,
  qdrantSearchBatch: ofIndex,
  qdrantSearchGroups: ofIndex,
  qdrantRecommend: ofIndex,
  qdrantRecommendBatch: ofIndex,
  qdrantRecommendGroups: ofIndex,
  metrics: free,
};
