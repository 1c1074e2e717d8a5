/** Below `/v1/indexes/{index}`. */
const OF_INDEXES = 'upsert query query/batch search search/batch fetch delete list count metadata fields values import recall evaluate';
/** Below `/qdrant/collections/{collection}/points`. */
const POSTED_OF_POINTS =
  '/payload /payload/delete /payload/clear /batch /query /query/batch /query/groups /search /search/batch /search/groups ' +
  '/recommend /recommend/batch /recommend/groups /delete /scroll /count';

const below = (path: string, ends: string): string[] => ends.split(' ').map((end) => `POST ${path}${end}`);

/** The calls that service level objectives are of: those that programs make for their users. All that meter something are among them. [SL14] */
export const OBJECTIVE_ENDPOINTS: readonly string[] = [
  ...below(
    '/v1/',
    'embeddings rerank classify chat/completions completions responses messages moderations upstreams/embeddings upstreams/rerank ' +
      'images/generations images/edits images/variations audio/speech audio/transcriptions audio/translations ' +
      'messages/batches jobs batches jobs/{job}/embeddings files',
  ),
  'GET /v1/models',
  'GET /v1/jobs/{job}',
  'GET /v1/batches/{batch}',
  ...below('/v2/models/{model}/', 'infer versions/{version}/infer'),
  ...below(
    '/',
    'v1/embed v2/embed v2/rerank embed rerank tei/{model} tei/{model}/embed tei/{model}/embed_sparse tei/{model}/embed_all tei/{model}/rerank',
  ),
  ...below('/v1/indexes/{index}/', OF_INDEXES),
  ...['', '/vectors', '/payload'].map((end) => `PUT /qdrant/collections/{collection}/points${end}`),
  'POST /qdrant/collections/{collection}/points',
  ...below('/qdrant/collections/{collection}/points', POSTED_OF_POINTS),
];
