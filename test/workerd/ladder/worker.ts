import { PUBLIC, tenant } from '../../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { vectorEndpoints } from '../../../src/contract/vectors/vectors.ts';
import { buildApp } from '../../../workers/gateway/app.ts';
import type { Call } from '../../../workers/gateway/pipeline/call.ts';
import { composeRetrieval } from '../../../workers/gateway/compose-retrieval.ts';
import type { GatewayEnv } from '../../../workers/gateway/env.ts';
import { jsonDraft } from '../../../workers/gateway/pipeline/exchange.ts';
import { concluded } from '../../../workers/gateway/pipeline/request-lifecycle.ts';
import { vectorHandlers } from '../../../workers/gateway/routes/vectors/vectors.ts';
import type { Handler } from '../../../workers/gateway/pipeline/serve.ts';
import { route, routesOf } from '../../../workers/gateway/pipeline/serve.ts';

// A ladder from a bare Worker to the product's query: each route does what the one before it does, and one thing more.

const ANSWER = { matches: Array.from({ length: 10 }, (_, rank) => ({ id: String(rank), score: 1 - rank / 100 })), lsn: 1 };
const { queryVectors: query, fetchVectors } = vectorEndpoints;

const answering = { ok: true, reply: ANSWER, used: { vector_queries: 1 } } as const;
type Reserving = Pick<Call<typeof query>, 'reserve'>;

/** The product's endpoint and its pipeline before the search: for anyone, and for callers with a key. */
const steps = [
  route({ ...query, path: '/ladder/validated/:index', access: PUBLIC }, (() => Promise.resolve(answering)) as unknown as Handler<Endpoint>),
  route({ ...query, path: '/ladder/admitted/:index', access: tenant('index:read') }, (async (call: Reserving) => {
    const reserved = await call.reserve({ vector_queries: 1 });
    return reserved.ok ? answering : reserved;
  }) as unknown as Handler<Endpoint>),
];

const product = buildApp<GatewayEnv>({
  compose: composeRetrieval,
  routes: [
    ...steps,
    ...routesOf(
      { queryVectors: query, fetchVectors },
      { queryVectors: vectorHandlers.queryVectors, fetchVectors: vectorHandlers.fetchVectors },
    ),
  ],
  special: [
    ['POST', '/ladder/concluded', concluded(composeRetrieval, async ({ req }) => jsonDraft(200, JSON.stringify(await parsed(req.raw))))],
  ],
});

async function parsed(request: Request): Promise<typeof ANSWER | undefined> {
  const { vector } = await request.json<{ vector: number[] }>();
  return new Float32Array(vector).length > 0 ? ANSWER : undefined;
}

export default {
  async fetch(request: Request, env: GatewayEnv, context: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/ladder/http') return new Response(await request.text());
    if (pathname === '/ladder/parsed') return Response.json(await parsed(request));
    if (pathname === '/ladder/object') {
      const answer = await parsed(request);
      await env.INDEX.getByName('ladder').holds([]);
      return Response.json(answer);
    }
    return product.fetch(request, env, context);
  },
};
