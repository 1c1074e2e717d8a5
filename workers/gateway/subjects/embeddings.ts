import { embeddingEndpoints } from '../../../src/contract/embeddings/embeddings.ts';
import { rerankEndpoints } from '../../../src/contract/embeddings/rerank.ts';
import { composeEmbeddings } from '../compose-embeddings.ts';
import { embeddingHandlers } from '../routes/embeddings/embeddings.ts';
import { rerankHandlers } from '../routes/embeddings/rerank.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeEmbeddings,
  { ...embeddingEndpoints, ...rerankEndpoints },
  { ...embeddingHandlers, ...rerankHandlers },
);
