import { refusal } from '../../../src/contract/api/errors.ts';
import { qdrantEndpoints } from '../../../src/contract/qdrant/endpoints.ts';
import { QDRANT_NOT_OFFERED } from '../../../src/contract/qdrant/not-offered.ts';
import { mountsOf, surfaceOf } from '../../../src/contract/api/surface.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { Unserved } from '../pipeline/served-paths.ts';
import { buildApp } from '../app.ts';
import { qdrantHandlers } from '../compat/qdrant/handlers.ts';
import { composeRetrieval } from '../compose-retrieval.ts';
import { varyingBy } from '../pipeline/cross-origin.ts';
import { redirect } from '../pipeline/exchange.ts';
import { HttpError } from '../pipeline/http-error.ts';
import type { Work } from '../pipeline/request-lifecycle.ts';
import { concluded } from '../pipeline/request-lifecycle.ts';
import { routesOf } from '../pipeline/serve.ts';

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

export const routes = routesOf(qdrantEndpoints, qdrantHandlers);

/** Where Qdrant's clients ask for the version of the server before anything else, which at the root is also where people arrive. */
const { work: version } = must(
  routes.find(({ endpoint }) => endpoint === qdrantEndpoints.qdrantVersion),
  'every endpoint has a route',
);

/** People find the documentation, and Qdrant's clients the version. */
const welcome: Work = async (context, exchange) => {
  const isPerson = context.req.header('accept')?.includes('text/html') === true;
  const draft = isPerson ? redirect('/docs/') : await version(context, exchange);
  draft.headers['vary'] = varyingBy(draft.headers, 'accept');
  return draft;
};

export const app = buildApp({
  compose: composeRetrieval,
  routes,
  special: [['GET', '/', concluded(composeRetrieval, welcome)]],
  unserved: notOffered(),
});
