import { opsEndpoints } from '../../src/contract/api/ops.ts';
import type { App } from './app.ts';
import { buildApp, noRoute } from './app.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { draftOf, redirect } from './pipeline/exchange.ts';
import type { Answer } from './pipeline/request-lifecycle.ts';
import { concluded } from './pipeline/request-lifecycle.ts';
import { opsHandlers } from './routes/ops.ts';
import { routesOf } from './pipeline/serve.ts';

/** What is served as files: the API's page and document, and the models that agents and pages run themselves, pages by the module in `/sdk`. */
const STATIC_PATHS = ['/docs/*', '/openapi.json', '/models/*', '/sdk/*'];

const file: Answer<GatewayEnv> = (context) =>
  concluded(compose, async (settled, exchange) => {
    exchange.route = context.req.path.startsWith('/sdk/') ? 'sdk' : 'asset';
    const found = await context.env.ASSETS.fetch(exchange.request);
    if (found.status === 404) throw noRoute(settled);
    return draftOf(found);
  })(context);

const leadingTo = (location: string): Answer<GatewayEnv> => concluded(compose, () => Promise.resolve(redirect(location)));

/** What every isolate answers, whatever else it has loaded: probes, files, and paths of no subject. */
export const coreApp: App<GatewayEnv> = buildApp({
  compose,
  routes: routesOf(opsEndpoints, opsHandlers),
  special: [
    ['GET', '/docs', leadingTo('/docs/')],
    ['GET', '/sdk', leadingTo('/sdk/')],
    ...STATIC_PATHS.map((path) => ['GET', path, file] as const),
  ],
});
