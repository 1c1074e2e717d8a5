import { upstreamEndpoints } from '../../../src/contract/upstreams/upstreams.ts';
import { messageTokenEndpoints } from '../../../src/contract/completions/message-tokens.ts';
import { completionEndpoints } from '../../../src/contract/completions/completions.ts';
import { mediaEndpoints } from '../../../src/contract/completions/media.ts';
import { composeUpstreams } from '../compose-upstreams.ts';
import { upstreamHandlers } from '../routes/upstreams/upstreams.ts';
import { completionHandlers } from '../routes/completions/completions.ts';
import { mediaHandlers } from '../routes/completions/media.ts';
import { messageTokenHandlers } from '../routes/completions/message-tokens.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(
  composeUpstreams,
  { ...upstreamEndpoints, ...completionEndpoints, ...messageTokenEndpoints, ...mediaEndpoints },
  { ...upstreamHandlers, ...completionHandlers, ...messageTokenHandlers, ...mediaHandlers },
);
