import { jobEndpoints } from '../../../src/contract/jobs.ts';
import { jobExplanationEndpoints } from '../../../src/contract/job-explanation.ts';
import { jobControlEndpoints } from '../../../src/contract/job-control.ts';
import { jobEventEndpoints } from '../../../src/contract/job-events.ts';
import { batchEndpoints } from '../../../src/contract/batches.ts';
import { tuningEndpoints } from '../../../src/contract/fine-tuning.ts';
import { composeControl } from '../compose-control.ts';
import { jobHandlers } from '../routes/jobs.ts';
import { batchHandlers } from '../routes/batches.ts';
import { tuningHandlers } from '../routes/fine-tuning.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  { ...jobEndpoints, ...jobExplanationEndpoints, ...jobControlEndpoints, ...jobEventEndpoints, ...batchEndpoints, ...tuningEndpoints },
  { ...jobHandlers, ...batchHandlers, ...tuningHandlers },
);
