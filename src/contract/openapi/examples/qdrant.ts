import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';

const params = { collection: 'films' };
const likesOne = { recommend: { positive: [1] } };

/** A collection `films` by Qdrant's API. */
export const qdrantExamples = {
  qdrantVersion: {},
  qdrantHealth: {},
  qdrantLiveness: {},
  qdrantReadiness: {},
  qdrantCreateCollection: { params, body: { vectors: { size: 3, distance: 'Cosine' } } },
  qdrantListCollections: {},
  qdrantCollection: { params },
  qdrantCollectionExists: { params },
  qdrantUpdateCollection: { params, body: {} },
  qdrantCreateFieldIndex: { params, body: { field_name: 'genre', field_schema: 'keyword' } },
  qdrantDeleteFieldIndex: { params: { ...params, field: 'genre' } },
  qdrantUpsertPoints: {
    params,
    query: { wait: 'true' },
    body: {
      points: [
        { id: 1, vector: [1, 0.2, 0], payload: { genre: ['drama'], year: 1994 } },
        { id: 2, vector: [0.9, 0.3, 0.1], payload: { genre: ['drama', 'war'], year: 1998 } },
        { id: 3, vector: [0, 0.1, 1], payload: { genre: ['comedy'], year: 2001 } },
      ],
    },
  },
  qdrantRetrievePoints: { params, body: { ids: [1, 2], with_payload: true } },
  qdrantRetrievePoint: { params: { ...params, id: '1' } },
  qdrantScrollPoints: { params, body: { limit: 2, with_payload: true } },
  qdrantCountPoints: { params, body: { filter: { must: [{ key: 'genre', match: { value: 'drama' } }] } } },
  qdrantFacet: { params, body: { key: 'genre' } },
  qdrantQuery: { params, body: { query: [1, 0, 0], limit: 2, with_payload: true } },
  qdrantQueryBatch: {
    params,
    body: {
      searches: [
        { query: [1, 0, 0], limit: 1 },
        { query: likesOne, limit: 1 },
      ],
    },
  },
  qdrantQueryGroups: { params, body: { query: [1, 0, 0], group_by: 'genre', limit: 2, group_size: 1 } },
  qdrantSearch: { params, body: { vector: [1, 0, 0], limit: 2 } },
  qdrantSearchBatch: { params, body: { searches: [{ vector: [1, 0, 0], limit: 1 }] } },
  qdrantSearchGroups: { params, body: { vector: [1, 0, 0], group_by: 'genre', limit: 2, group_size: 1 } },
  qdrantRecommend: { params, body: { positive: [1], limit: 2 } },
  qdrantRecommendBatch: { params, body: { searches: [{ positive: [1], negative: [3], limit: 1 }] } },
  qdrantRecommendGroups: { params, body: { positive: [1], group_by: 'genre', limit: 2, group_size: 1 } },
  qdrantSetPayload: { params, body: { payload: { seen: true }, points: [1] } },
  qdrantOverwritePayload: { params, body: { payload: { genre: ['comedy'] }, points: [3] } },
  qdrantDeletePayload: { params, body: { keys: ['seen'], points: [1] } },
  qdrantClearPayload: { params, body: { points: [3] } },
  qdrantUpdateVectors: { params, body: { points: [{ id: 2, vector: [0.8, 0.4, 0.2] }] } },
  qdrantDeleteVectors: { params, body: { points: [1], vector: [''] }, refused: 'invalid_value' },
  qdrantUpdateBatch: {
    params,
    body: {
      operations: [{ upsert: { points: [{ id: 4, vector: [0.5, 0.5, 0], payload: { genre: ['war'] } }] } }, { delete: { points: [3] } }],
    },
  },
  qdrantChangeAliases: { body: { actions: [{ create_alias: { alias_name: 'cinema', collection_name: 'films' } }] } },
  qdrantAliases: {},
  qdrantCollectionAliases: { params },
  qdrantDeletePoints: { params, body: { filter: { must: [{ key: 'genre', match: { value: 'war' } }] } } },
  qdrantDeleteCollection: { params },
} as const satisfies { readonly [N in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[N]> };
