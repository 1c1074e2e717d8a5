import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import { answered } from './example.ts';
import type { ExampleOf } from './example.ts';

const MODEL = 'glove-sif-100';
const params = { index: 'articles' };
const document = { ...params, document: 'guides/locks.md' };

/** Embeddings, an index `articles` of texts, and the caches. */
export const retrievalExamples = {
  createEmbeddings: { body: { model: MODEL, input: ['canal', 'lock', 'weir'] } },
  rerank: {
    body: { model: MODEL, query: 'who opens the lock?', documents: ['a weir holds back the river', 'the lock keeper opens the gates'] },
  },
  cohereEmbed: { body: { model: MODEL, texts: ['canal'], input_type: 'search_query', embedding_types: ['float', 'int8'] } },
  cohereEmbedV1: { body: { model: MODEL, texts: ['canal', 'lock'], input_type: 'search_document' } },
  cohereRerank: {
    body: {
      model: MODEL,
      query: 'who opens the lock?',
      documents: ['a weir holds back the river', 'the lock keeper opens the gates'],
      top_n: 1,
    },
  },
  teiEmbed: { body: { inputs: ['canal', 'lock'] } },
  teiRerank: { body: { query: 'who opens the lock?', texts: ['a weir holds back the river', 'the lock keeper opens the gates'] } },
  teiModel: { params: { model: MODEL }, body: { inputs: 'canal' } },
  teiModelEmbed: { params: { model: MODEL }, body: { inputs: ['canal'], truncate: true } },
  // The models that every deployment has make dense vectors alone.
  teiModelEmbedSparse: { params: { model: MODEL }, body: { inputs: ['canal'] }, refused: 'invalid_value' },
  teiModelEmbedAll: { params: { model: MODEL }, body: { inputs: ['canal'] }, refused: 'invalid_value' },
  teiModelRerank: {
    params: { model: MODEL },
    body: { query: 'who opens the lock?', texts: ['a weir holds back the river', 'the lock keeper opens the gates'], return_text: true },
  },
  listModels: { as: 'tenant' },
  getModel: { as: 'tenant', params: { model: MODEL } },

  createIndex: {
    body: {
      name: 'articles',
      model: MODEL,
      owner: 'search-team',
      fields: {
        title: { kind: 'text', weight: 2 },
        body: { kind: 'text', source: 'text' },
        terms: { kind: 'sparse', idf: true },
        cover: { kind: 'vector', dimensions: 3 },
      },
    },
  },
  listIndexes: {},
  describeIndex: { params },
  indexStats: { params },
  upsertVectors: {
    params,
    body: {
      vectors: [
        {
          id: 'lock',
          text: 'the lock keeper opens the gates at dawn',
          metadata: { page: 3, lang: 'en' },
          fields: { title: 'The lock keeper', terms: { indices: [17, 4041], values: [1.5, 0.25] }, cover: [0.5, -1, 0.25] },
        },
        { id: 'weir', text: 'a weir holds back the river', metadata: { page: 4, lang: 'en' } },
        { id: 'mill', text: 'the mill grinds flour by the power of water', metadata: { page: 9, lang: 'en' } },
      ],
    },
  },
  queryVectors: { params, body: { text: 'who opens the lock?', top_k: 2, filter: { page: { $lt: 5 } }, include_text: true } },
  searchIndex: {
    params,
    body: {
      legs: [
        { kind: 'vector', text: 'who opens the lock?' },
        { kind: 'text', text: 'gates at dawn', fields: { title: 2 } },
      ],
      stages: [{ kind: 'order_by', property: 'page' }],
      top_k: 2,
    },
  },
  searchIndexBatch: {
    params,
    body: {
      searches: [
        { text: 'who opens the lock?', top_k: 1 },
        { legs: [{ kind: 'text', text: 'river' }], stages: [{ kind: 'order_by', property: 'page' }] },
      ],
    },
  },
  evaluateIndex: {
    params,
    body: {
      queries: [
        { id: 'opening', text: 'who opens the lock?', relevant: { lock: 1 } },
        { id: 'flour', text: 'what grinds flour?', relevant: { mill: 2, lock: 0 } },
      ],
      plans: [{}, { legs: [{ kind: 'text', text: '{{text}}' }] }],
      measures: ['mrr', 'recall@10'],
      include_queries: true,
    },
  },
  setSearchSettings: {
    params,
    body: {
      legs: [
        { kind: 'vector', weight: 0.3, quality: 0.41 },
        { kind: 'text', weight: 0.7, quality: 0.68 },
      ],
      fusion: { kind: 'sum', normaliser: 'min_max' },
      k1: 0.9,
      b: 0.4,
    },
  },
  deleteSearchSettings: { params },
  queryVectorsBatch: {
    params,
    body: {
      searches: [
        { text: 'who opens the lock?', top_k: 1 },
        { id: 'mill', top_k: 1, exclude_ids: ['mill'], filter: { page: { $gt: 3 } } },
      ],
    },
  },
  fetchVectors: { params, body: { ids: ['lock'], include_values: false, include_text: true, include_fields: true } },
  listVectors: { params, body: { filter: { lang: 'en' }, limit: 10 } },
  countVectors: { params, body: { filter: { page: { $gte: 4 } } } },
  updateMetadata: { params, body: { filter: { page: 3 }, set: { seen: true } } },
  updateFields: { params, body: { ids: ['weir'], set: { title: 'The weir' } } },
  // The collection that Qdrant's examples make: a new vector of three numbers is short.
  updateValues: { params: { index: 'films' }, body: { vectors: [{ id: '1', values: [0.8, 0.5, 0.1] }] } },
  importVectors: {
    params,
    body:
      '{"id": "barge", "text": "a barge carries coal", "metadata": {"page": 12}}\n' +
      '{"id": "bridge", "text": "the bridge lifts for tall ships", "metadata": {"page": 13}}\n',
  },
  exportVectors: { params, query: { include_values: 'false' } },
  measureRecall: { params, body: { samples: 5, top_k: 2 } },
  deleteVectors: { params, body: { ids: ['mill'] } },
  deleteIndex: { params },
  verifyIndexErasure: { params: { erasure: answered('deleteIndex', 'id') } },

  setAlias: { params: { index: 'articles', alias: 'live' } },
  changeAliases: { body: { actions: [{ set: { alias: 'newest', index: 'articles' } }] } },
  listAliases: {},
  listIndexAliases: { params },
  removeAlias: { params: { index: 'articles', alias: 'live' } },

  putDocument: {
    params: document,
    body: {
      text: '# Locks\n\nThe keeper opens the gates at dawn.',
      format: 'markdown',
      title: 'Locks',
      metadata: { lang: 'en' },
      labels: ['staff'],
    },
  },
  getDocument: { params: document, query: { wait_ms: 10_000 } },
  followDocument: { params: document },
  listDocuments: { params, query: { prefix: 'guides/', sort: 'updated_at', order: 'desc' } },
  listDocumentChunks: { params: document },
  rechunkDocument: { params: document, body: { chunking: { max_tokens: 64 } } },
  deleteDocument: { params: document },

  createGeneration: { params, body: { recall: 0.99 } },
  listGenerations: { params },
  activateGeneration: { params, body: {} },
  rollbackGeneration: { params, body: {} },
  deleteGeneration: { params },

  purgeCache: { as: 'tenant', body: { text: ['canal'], model: MODEL } },
  getPurge: { as: 'tenant', params: { purge: answered('purgeCache', 'purge_id') } },
  cacheStats: { as: 'tenant' },
} as const satisfies { readonly [N in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[N]> };
