import { erasureEndpoints, indexEndpoints } from '../../../src/contract/indexes.ts';
import { aliasEndpoints } from '../../../src/contract/aliases.ts';
import { vectorEndpoints, vectorListingEndpoints } from '../../../src/contract/vectors.ts';
import { vectorChangeEndpoints } from '../../../src/contract/vector-changes.ts';
import { bulkEndpoints } from '../../../src/contract/bulk.ts';
import { generationEndpoints } from '../../../src/contract/generations.ts';
import { recallEndpoints } from '../../../src/contract/recall.ts';
import { composeRetrieval } from '../compose-retrieval.ts';
import { indexHandlers } from '../routes/indexes.ts';
import { aliasHandlers } from '../routes/aliases.ts';
import { vectorHandlers } from '../routes/vectors.ts';
import { bulkHandlers } from '../routes/bulk.ts';
import { generationHandlers } from '../routes/generations.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeRetrieval,
  {
    ...erasureEndpoints,
    ...indexEndpoints,
    ...aliasEndpoints,
    ...vectorEndpoints,
    ...vectorListingEndpoints,
    ...vectorChangeEndpoints,
    ...bulkEndpoints,
    ...generationEndpoints,
    ...recallEndpoints,
  },
  { ...indexHandlers, ...aliasHandlers, ...vectorHandlers, ...bulkHandlers, ...generationHandlers },
);
