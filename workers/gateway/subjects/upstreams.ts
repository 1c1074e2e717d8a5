import { upstreamEndpoints } from '../../../src/contract/upstreams.ts';
import { completionEndpoints } from '../../../src/contract/completions.ts';
import { composeUpstreams } from '../compose-upstreams.ts';
import { upstreamHandlers } from '../../upstreams/routes/upstreams.ts';
import { completionHandlers } from '../../upstreams/routes/completions.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeUpstreams,
  { ...upstreamEndpoints, ...completionEndpoints },
  { ...upstreamHandlers, ...completionHandlers },
);
