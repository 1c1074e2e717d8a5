import { expect, it } from 'vitest';

import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';

const names = (text: string): string[] => text.trim().split(/\s+/);

/** What keys with labels may call: it heeds labels, or touches nothing that has any. */
const OPEN = names(`
  queryVectors queryVectorsBatch searchIndex searchIndexBatch
  putDocument getDocument followDocument listDocuments deleteDocument rechunkDocument listDocumentChunks
  createKey listKeys getKey rotateKey revokeKey`);

/** What they may not call: raw reads and writes of rows, files and jobs that have sources of documents, caches and logs that have answers made of them. */
const CLOSED = names(`
  createEmbeddings rerank cohereRerank cohereEmbed cohereEmbedV1 teiEmbed teiRerank teiModel teiModelEmbed teiModelEmbedSparse teiModelEmbedAll
  teiModelRerank createIndex listIndexes describeIndex indexStats deleteIndex changeAliases listAliases listIndexAliases setAlias removeAlias
  upsertVectors fetchVectors deleteVectors evaluateIndex setSearchSettings deleteSearchSettings listVectors countVectors updateMetadata updateFields
  updateValues importVectors exportVectors createGeneration listGenerations activateGeneration rollbackGeneration deleteGeneration verifyIndexErasure
  measureRecall qdrantChangeAliases qdrantAliases qdrantCollectionAliases qdrantListCollections qdrantCollection qdrantCollectionExists
  qdrantCreateCollection qdrantUpdateCollection qdrantDeleteCollection qdrantCreateFieldIndex qdrantDeleteFieldIndex qdrantUpsertPoints
  qdrantRetrievePoints qdrantRetrievePoint qdrantDeletePoints qdrantScrollPoints qdrantCountPoints qdrantUpdateVectors qdrantDeleteVectors
  qdrantSetPayload qdrantOverwritePayload qdrantDeletePayload qdrantClearPayload qdrantUpdateBatch qdrantQuery qdrantQueryBatch qdrantQueryGroups
  qdrantSearch qdrantSearchBatch qdrantSearchGroups qdrantRecommend qdrantRecommendBatch qdrantRecommendGroups qdrantFacet metrics uploadFile
  listFiles getFile getFileContent deleteFile createUpload addUploadPart completeUpload cancelUpload createJob listJobs getJob getJobLogs explainJob
  planJob cancelJob suspendJob resumeJob preemptJob resizeJob reprioritiseJob embedOnJob listJobAttempts getJobCost getJobEvents createBatch
  listBatches getBatch cancelBatch createMessageBatch listMessageBatches getMessageBatch cancelMessageBatch deleteMessageBatch getMessageBatchResults
  createFineTuningJob listFineTuningJobs getFineTuningJob cancelFineTuningJob pauseFineTuningJob resumeFineTuningJob listFineTuningEvents
  listFineTuningCheckpoints createQueue listQueues getQueue changeQueue deleteQueue createReservation listReservations getReservation
  deleteReservation createProject listProjects listModels getModel createModel deleteModel kserveModels kserveModel kserveModelReady kserveModelConfig
  kserveVersionConfig kserveVersion kserveVersionReady kserveInfer kserveVersionInfer classify listModelVersions getModelVersion readModelVersionFile
  retireModelVersion promoteModel rollbackModel setModelAlias removeModelAlias listModelEvents getQuota getUsage getInvoice getInvoiceCsv
  getInvoiceHtml purgeCache getPurge cacheStats listUpstreams createUpstream getUpstream changeUpstream getUpstreamHealth checkUpstream deleteUpstream
  createChatCompletion createCompletion createResponse createMessage createUpstreamEmbeddings createUpstreamRanking createModeration getResponse
  listResponseInputItems deleteResponse countResponseTokens listChatCompletions getChatCompletion updateChatCompletion deleteChatCompletion
  listChatCompletionMessages getStoredAnswersPolicy setStoredAnswersPolicy createImage editImage varyImage createSpeech createTranscription
  createTranslation countMessageTokens listRoutes getRoute createRoute listRouteVersions activateRoute rollbackRoute deleteRoute explainRoute
  listPrompts createPrompt getPrompt listPromptVersions labelPrompt unlabelPrompt renderPrompt deletePrompt listRequests requestStats getRequestPolicy
  setRequestPolicy deleteRequests exportRequests getRequest deleteRequest addRequestFeedback getCapacityForecast forecastCapacityHistory setSlo
  listSlos getSlo deleteSlo setCapacityAlerts getCapacityAlerts setDebtRepository listDebtRepositories deleteDebtRepository uploadDebtFacts
  listDebtFacts listDebtItems getDebtItem changeDebtItem getDebtPlan getDebtSummary getCapacityTeams getDebtOnboarding getCostReport`);

const byKey = (Object.entries(ENDPOINTS) as [string, Endpoint][]).filter(
  ([, { access }]) => access.kind === 'tenant' || access.kind === 'tenant-or-admin',
);

it('[DC97] every operation is either open to keys with labels or closed: a new one has to say it', () => {
  expect([...OPEN, ...CLOSED].sort()).toEqual(byKey.map(([name]) => name).sort());
  expect(byKey.flatMap(([name, { heedsLabels }]) => (heedsLabels === true ? [name] : [])).sort()).toEqual(OPEN.toSorted());
});
