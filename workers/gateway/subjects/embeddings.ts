import { cohereEndpoints } from '../../../src/contract/embeddings/cohere.ts';
import { embeddingEndpoints } from '../../../src/contract/embeddings/embeddings.ts';
import { rerankEndpoints } from '../../../src/contract/embeddings/rerank.ts';
import { teiEndpoints } from '../../../src/contract/embeddings/tei.ts';
import { composeEmbeddings } from '../compose-embeddings.ts';
import { cohereHandlers } from '../routes/embeddings/cohere.ts';
import { embeddingHandlers } from '../routes/embeddings/embeddings.ts';
import { rerankHandlers } from '../routes/embeddings/rerank.ts';
import { teiHandlers } from '../routes/embeddings/tei.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeEmbeddings,
  { ...embeddingEndpoints, ...rerankEndpoints, ...cohereEndpoints, ...teiEndpoints },
  { ...embeddingHandlers, ...rerankHandlers, ...cohereHandlers, ...teiHandlers },
);
