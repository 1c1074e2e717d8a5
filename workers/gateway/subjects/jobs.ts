import { jobEndpoints } from '../../../src/contract/jobs/jobs.ts';
import { jobExplanationEndpoints } from '../../../src/contract/jobs/job-explanation.ts';
import { jobControlEndpoints } from '../../../src/contract/jobs/job-control.ts';
import { jobEventEndpoints } from '../../../src/contract/jobs/job-events.ts';
import { batchEndpoints } from '../../../src/contract/jobs/batches.ts';
import { messageBatchEndpoints } from '../../../src/contract/completions/message-batches.ts';
import { tuningEndpoints } from '../../../src/contract/jobs/fine-tuning.ts';
import { composeControl } from '../compose-control.ts';
import { jobHandlers } from '../routes/jobs/jobs.ts';
import { batchHandlers } from '../routes/jobs/batches.ts';
import { messageBatchHandlers } from '../routes/jobs/message-batches.ts';
import { tuningHandlers } from '../routes/jobs/fine-tuning.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeControl,
  {
    ...jobEndpoints,
    ...jobExplanationEndpoints,
    ...jobControlEndpoints,
    ...jobEventEndpoints,
    ...batchEndpoints,
    ...messageBatchEndpoints,
    ...tuningEndpoints,
  },
  { ...jobHandlers, ...batchHandlers, ...messageBatchHandlers, ...tuningHandlers },
);
