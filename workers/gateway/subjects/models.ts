import { refusal } from '../../../src/contract/api/errors.ts';
import { KSERVE_NOT_OFFERED } from '../../../src/contract/models/kserve-not-offered.ts';
import { modelEndpoints } from '../../../src/contract/models/models.ts';
import { modelVersionEndpoints } from '../../../src/contract/models/model-versions.ts';
import { kserveEndpoints } from '../../../src/contract/models/kserve.ts';
import { classifyEndpoints } from '../../../src/contract/models/classify.ts';
import type { Unserved } from '../pipeline/served-paths.ts';
import { composeControl } from '../compose-control.ts';
import { HttpError } from '../pipeline/http-error.ts';
import { modelHandlers } from '../routes/models/models.ts';
import { kserveHandlers } from '../routes/models/kserve.ts';
import { classifyHandlers } from '../routes/models/classify.ts';
import { subjectApp } from '../subject-app.ts';

/** [M111] The refusal shows a client of Triton that the path is not wrong, but not offered here. */
const notOffered = [...KSERVE_NOT_OFFERED].map(([pattern, instead]): Unserved => [
  pattern,
  (method) => new HttpError(refusal('not_offered', `${method} ${pattern} of Triton is not offered: ${instead}`)),
]);

export const { routes, app } = subjectApp(
  composeControl,
  { ...modelEndpoints, ...modelVersionEndpoints, ...kserveEndpoints, ...classifyEndpoints },
  { ...modelHandlers, ...kserveHandlers, ...classifyHandlers },
  notOffered,
);
