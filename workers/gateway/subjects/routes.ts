import { routeEndpoints } from '../../../src/contract/routes/routes.ts';
import { composeUpstreams } from '../compose-upstreams.ts';
import { routeHandlers } from '../routes/routes.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(composeUpstreams, routeEndpoints, routeHandlers);
