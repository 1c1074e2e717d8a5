import { modelEndpoints } from '../../../src/contract/models/models.ts';
import { modelVersionEndpoints } from '../../../src/contract/models/model-versions.ts';
import { kserveEndpoints } from '../../../src/contract/models/kserve.ts';
import { classifyEndpoints } from '../../../src/contract/models/classify.ts';
import { composeControl } from '../compose-control.ts';
import { modelHandlers } from '../routes/models/models.ts';
import { kserveHandlers } from '../routes/models/kserve.ts';
import { classifyHandlers } from '../routes/models/classify.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...modelEndpoints, ...modelVersionEndpoints, ...kserveEndpoints, ...classifyEndpoints },
  { ...modelHandlers, ...kserveHandlers, ...classifyHandlers },
);
