import { refusal } from '../../src/contract/errors.ts';
import { GATEWAY_ENDPOINTS } from '../../src/contract/gateway-endpoints.ts';
import { QDRANT_NOT_OFFERED } from '../../src/contract/qdrant/not-offered.ts';
import { mountsOf, surfaceOf } from '../../src/contract/surface.ts';
import { must } from '../../src/kernel/assert.ts';
import type { App, Unserved } from './app.ts';
import { buildApp, noRoute } from './app.ts';
import type { Gateway } from './compose.ts';
import { varyingBy } from './cross-origin.ts';
import type { GatewayEnv } from './env.ts';
import type { Draft } from './exchange.ts';
import { draftOf } from './exchange.ts';
import { forwarding } from './forward.ts';
import { HANDLERS } from './handlers.ts';
import { HttpError } from './http-error.ts';
import type { Answer, Work } from './request-lifecycle.ts';
import { concluded } from './request-lifecycle.ts';
import { routesOf } from './serve.ts';

/** What is served as files: the API's page and document, and the models that agents and pages run themselves, pages by the module in `/sdk`. */
const STATIC_PATHS = ['/docs/*', '/openapi.json', '/models/*', '/sdk/*'];

/** Where Qdrant's clients ask for the version of the server, which at the root is also where people arrive. */
const WELCOME = GATEWAY_ENDPOINTS.qdrantVersion;

type Compose = (env: GatewayEnv) => Gateway;

/** The gateway: its own routes, its files, and what it forwards to other Workers. */
export function buildGatewayApp(compose: Compose): App<GatewayEnv> {
  const routes = routesOf(GATEWAY_ENDPOINTS, HANDLERS);
  const { work } = must(
    routes.find(({ endpoint }) => endpoint === WELCOME),
    'every endpoint has a route',
  );
  return buildApp<GatewayEnv>({
    compose,
    routes,
    special: [
      ...forwarding(compose).map(([pattern, answer]) => ['ALL', pattern, answer] as const),
      ['GET', '/', concluded(compose, welcoming(work))],
      ['GET', '/qdrant', redirection(compose, '/qdrant/')],
      ['GET', '/docs', redirection(compose, '/docs/')],
      ['GET', '/sdk', redirection(compose, '/sdk/')],
      ...STATIC_PATHS.map((path) => ['GET', path, servingFiles(compose)] as const),
    ],
    unserved: notOffered(),
  });
}

/** People find the documentation; Qdrant's clients, which ask for the version of the server before anything else, go on to that. */
const welcoming =
  (work: Work): Work =>
  async (context, exchange) => {
    const isPerson = context.req.header('accept')?.includes('text/html') === true;
    const draft = isPerson ? redirect('/docs/') : await work(context, exchange);
    draft.headers['vary'] = varyingBy(draft.headers, 'accept');
    return draft;
  };

const redirect = (location: string): Draft => ({ status: 302, headers: { location }, body: null });

const redirection = (compose: Compose, location: string): Answer<GatewayEnv> =>
  concluded(compose, () => Promise.resolve(redirect(location)));

const servingFiles =
  (compose: Compose): Answer<GatewayEnv> =>
  (context) =>
    concluded(compose, async (settled, exchange) => {
      exchange.route = context.req.path.startsWith('/sdk/') ? 'sdk' : 'asset';
      const file = await context.env.ASSETS.fetch(exchange.request);
      if (file.status === 404) throw noRoute(settled);
      return draftOf(file);
    })(context);

/** [Q53] The refusal shows a client of Qdrant that the path is not wrong, but not offered here. `/metrics` at the root is Sluice's own. */
const notOffered = (): Unserved[] =>
  [...QDRANT_NOT_OFFERED].flatMap(([known, instead]) =>
    mountsOf(known)
      .filter((path) => surfaceOf(path) === 'qdrant')
      .map((pattern): Unserved => [
        pattern,
        (method) => new HttpError(refusal('not_offered', `${method} ${pattern} of Qdrant is not offered: ${instead}`)),
      ]),
  );
