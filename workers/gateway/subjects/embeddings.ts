import { embeddingEndpoints } from '../../../src/contract/embeddings.ts';
import { rerankEndpoints } from '../../../src/contract/rerank.ts';
import { composeEmbeddings } from '../compose-embeddings.ts';
import { embeddingHandlers } from '../routes/embeddings.ts';
import { rerankHandlers } from '../routes/rerank.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeEmbeddings,
  { ...embeddingEndpoints, ...rerankEndpoints },
  { ...embeddingHandlers, ...rerankHandlers },
);
