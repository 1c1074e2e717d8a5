import { erasureEndpoints, indexEndpoints } from '../../../src/contract/indexes/indexes.ts';
import { aliasEndpoints } from '../../../src/contract/indexes/aliases.ts';
import { searchSettingsEndpoints } from '../../../src/contract/indexes/search-settings.ts';
import { evaluationEndpoints } from '../../../src/contract/vectors/judged/evaluations.ts';
import { planEndpoints } from '../../../src/contract/vectors/plans/plans.ts';
import { vectorEndpoints, vectorListingEndpoints } from '../../../src/contract/vectors/vectors.ts';
import { vectorChangeEndpoints } from '../../../src/contract/vectors/vector-changes.ts';
import { bulkEndpoints } from '../../../src/contract/vectors/bulk.ts';
import { generationEndpoints } from '../../../src/contract/indexes/generations.ts';
import { recallEndpoints } from '../../../src/contract/vectors/recall.ts';
import { documentEndpoints } from '../../../src/contract/documents/documents.ts';
import { composeRetrieval } from '../compose-retrieval.ts';
import { documentHandlers } from '../routes/documents/documents.ts';
import { indexHandlers } from '../routes/indexes/indexes.ts';
import { aliasHandlers } from '../routes/indexes/aliases.ts';
import { searchSettingsHandlers } from '../routes/indexes/search-settings.ts';
import { evaluationHandlers } from '../routes/vectors/evaluations.ts';
import { planHandlers } from '../routes/vectors/plans.ts';
import { vectorHandlers } from '../routes/vectors/vectors.ts';
import { bulkHandlers } from '../routes/vectors/bulk.ts';
import { generationHandlers } from '../routes/indexes/generations.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeRetrieval,
  {
    ...erasureEndpoints,
    ...indexEndpoints,
    ...aliasEndpoints,
    ...vectorEndpoints,
    ...planEndpoints,
    ...evaluationEndpoints,
    ...searchSettingsEndpoints,
    ...vectorListingEndpoints,
    ...vectorChangeEndpoints,
    ...bulkEndpoints,
    ...generationEndpoints,
    ...recallEndpoints,
    ...documentEndpoints,
  },
  {
    ...indexHandlers,
    ...aliasHandlers,
    ...vectorHandlers,
    ...planHandlers,
    ...evaluationHandlers,
    ...searchSettingsHandlers,
    ...bulkHandlers,
    ...generationHandlers,
    ...documentHandlers,
  },
);
