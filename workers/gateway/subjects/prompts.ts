import { promptEndpoints } from '../../../src/contract/prompts/prompts.ts';
import { composeUpstreams } from '../compose-upstreams.ts';
import { promptHandlers } from '../routes/prompts.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(composeUpstreams, promptEndpoints, promptHandlers);
