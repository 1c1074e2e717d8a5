import { modelEndpoints } from '../../../src/contract/models.ts';
import { modelVersionEndpoints } from '../../../src/contract/model-versions.ts';
import { kserveEndpoints } from '../../../src/contract/kserve.ts';
import { classifyEndpoints } from '../../../src/contract/classify.ts';
import { composeControl } from '../compose-control.ts';
import { modelHandlers } from '../routes/models.ts';
import { kserveHandlers } from '../routes/kserve.ts';
import { classifyHandlers } from '../routes/classify.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...modelEndpoints, ...modelVersionEndpoints, ...kserveEndpoints, ...classifyEndpoints },
  { ...modelHandlers, ...kserveHandlers, ...classifyHandlers },
);
