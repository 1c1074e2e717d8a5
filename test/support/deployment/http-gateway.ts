import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { Authenticator, Credential } from '../../../src/gateway/tenancy/authority.ts';
import { embeddingEndpoints } from '../../../src/contract/embeddings/embeddings.ts';
import { BodyBudget } from '../../../src/gateway/api/body-budget.ts';
import type { EmbedInputs } from '../../../src/gateway/embeddings/embed.ts';
import { Embedder } from '../../../src/gateway/embeddings/embed.ts';
import { EmbeddingCache } from '../../../src/gateway/embeddings/embedding-cache.ts';
import { PurgeViews } from '../../../src/gateway/caches/purge-views.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { TokenTexts } from '../../../src/inference/text/token-texts.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { MemoryCacheWorld } from '../worlds/memory-cache-world.ts';
import { sha256 } from '../worlds/memory-cache-world.ts';

interface App {
  request(path: string, init: RequestInit, env: object, context: object): Promise<Response>;
}

interface Modules {
  readonly buildApp: (parts: { readonly compose: (env: object) => object | undefined; readonly routes: unknown }) => App;
  readonly routesOf: (endpoints: object, handlers: object) => unknown;
  readonly embeddingHandlers: object;
}

const wired = new WeakMap<object, object>();
// Imported by names in variables, so that TypeScript does not load their types, which are those of workerd.
const GATEWAY = '../../../workers/gateway';
const modules = ['app.ts', 'pipeline/serve.ts', 'routes/embeddings/embeddings.ts'].map(
  (file) => import(/* @vite-ignore */ `${GATEWAY}/${file}`),
);
const { buildApp, routesOf, embeddingHandlers } = Object.assign({}, ...(await Promise.all(modules))) as Modules;
// The app keeps no gateway of its own: each call's environment brings one.
const app = buildApp({ compose: (env) => wired.get(env), routes: routesOf(embeddingEndpoints, embeddingHandlers) });

/** The gateway's whole HTTP side, in Node, over one isolate's use cases in memory. Callers are not authenticated. */
export function httpGateway(world: MemoryCacheWorld) {
  const { clock, secondLevel, models } = world;
  const purges = new PurgeViews({ logs: world.logs, clock, wakeUps: new DirectWakeUps() });
  const cache = new EmbeddingCache({ clock, purges, secondLevel, wakeUps: new DirectWakeUps() });
  const embedder = new Embedder({ models, cache, sha256, count: () => {}, countInputs: () => {} });
  const env = { LOG_LEVEL: 'warn' };
  return async (principal: TenantPrincipal, body: object, noStore = false): Promise<Response> => {
    const proof = { principal, lease: { endsAtMs: Number.MAX_SAFE_INTEGER }, version: 0, lapsesAtMs: Infinity };
    const credential: Credential = { prove: async () => ok(proof) };
    const parts = {
      clock,
      metrics: { count: () => {}, observe: () => {} },
      countCall: () => {},
      authenticator: { present: async () => credential } satisfies Authenticator,
      budget: { reserve: async () => ok({ extend: async () => ok(undefined), settle: () => 0 }), rates: () => [] },
      embeddings: { models, embedder, anyEmbedder: { embedInputs: (request: EmbedInputs) => embedder.embedInputs(request) } },
      // There are no tables of encodings here: ids have to be the model's own.
      tokenTexts: new TokenTexts(async () => refuse('unavailable', 'there are no tables')),
      region: { see: () => {} },
      gate: { pass: async () => ok(() => {}) },
      refusals: { served: () => {} },
      bodies: { budget: new BodyBudget(), clock, timer: { after: () => () => {} } },
    };
    wired.set(env, parts);
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json', ...(noStore ? { 'cache-control': 'no-store' } : {}) };
    return app.request('/v1/embeddings', { method: 'POST', headers, body: JSON.stringify(body) }, env, { waitUntil: () => {} });
  };
}
