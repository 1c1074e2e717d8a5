import { requestEndpoints } from '../../../src/contract/requests/requests.ts';
import { composeUpstreams } from '../compose-upstreams.ts';
import { requestHandlers } from '../routes/requests.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(composeUpstreams, requestEndpoints, requestHandlers);
