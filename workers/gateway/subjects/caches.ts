import { cacheEndpoints, cacheStatsEndpoints } from '../../../src/contract/caches/cache.ts';
import { composeControl } from '../compose-control.ts';
import { cacheHandlers } from '../routes/caches.ts';
import { subjectApp } from '../subject-app.ts';

export const { routes, app } = subjectApp(composeControl, { ...cacheEndpoints, ...cacheStatsEndpoints }, cacheHandlers);
