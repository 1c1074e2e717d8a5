import { refusal } from '../../../src/contract/api/errors.ts';
import { upstreamEndpoints } from '../../../src/contract/upstreams/upstreams.ts';
import { messageTokenEndpoints } from '../../../src/contract/completions/message-tokens.ts';
import { completionEndpoints } from '../../../src/contract/completions/completions.ts';
import { OPENAI_NOT_OFFERED } from '../../../src/contract/completions/openai-not-offered.ts';
import { storedAnswerEndpoints } from '../../../src/contract/completions/stored-answers.ts';
import { mediaEndpoints } from '../../../src/contract/completions/media.ts';
import { composeUpstreams } from '../compose-upstreams.ts';
import { HttpError } from '../pipeline/http-error.ts';
import type { Unserved } from '../pipeline/served-paths.ts';
import { upstreamHandlers } from '../routes/upstreams/upstreams.ts';
import { completionHandlers } from '../routes/completions/completions.ts';
import { storedAnswerHandlers } from '../routes/completions/stored-answers.ts';
import { mediaHandlers } from '../routes/completions/media.ts';
import { messageTokenHandlers } from '../routes/completions/message-tokens.ts';
import { subjectApp } from '../subject-app.ts';

/** [U253] The refusal shows a client of OpenAI that the path is not wrong, but not offered here. */
const notOffered = [...OPENAI_NOT_OFFERED].map(([pattern, instead]): Unserved => [
  pattern,
  (method) => new HttpError(refusal('not_offered', `${method} ${pattern} of OpenAI is not offered: ${instead}`)),
]);

export const { routes, app } = subjectApp(
  composeUpstreams,
  { ...upstreamEndpoints, ...completionEndpoints, ...messageTokenEndpoints, ...storedAnswerEndpoints, ...mediaEndpoints },
  { ...upstreamHandlers, ...completionHandlers, ...messageTokenHandlers, ...storedAnswerHandlers, ...mediaHandlers },
  notOffered,
);
