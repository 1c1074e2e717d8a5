import type { ForwardedWorker } from '../../src/contract/forwarded-paths.ts';
import type { CountInputs } from '../../src/contract/input-tally.ts';
import { bucketCounts } from '../../src/contract/input-tally.ts';
import type { CountCache } from '../../src/gateway/cache-stats.ts';
import { tallying } from '../../src/gateway/cache-stats.ts';
import type { KeyAuthenticator } from '../../src/gateway/tenancy/key-authenticator.ts';
import { vectorCount } from '../../src/gateway/tenancy/holdings.ts';
import { wireEmbeddings } from './adapters/embeddings.ts';
import type { Embeddings } from './adapters/embeddings.ts';
import { wireRetrieval } from './adapters/retrieval.ts';
import type { Retrieval } from './adapters/retrieval.ts';
import type { Tenancy } from './adapters/tenancy.ts';
import { wireTenancy } from './adapters/tenancy.ts';
import type { GatewayEnv } from './env.ts';
import { forwardedWorker } from './forwarded-worker.ts';
import type { Forwarded } from './forwarded-worker.ts';
import { countInMetrics } from './metrics.ts';
import { Readiness } from './readiness.ts';
import type { Serving } from './serving.ts';
import { basicsOf, oncePerIsolate } from './serving.ts';

/** Everything a route of the gateway may use: the use cases and ports of this isolate, wired once. */
export interface Gateway extends Serving {
  readonly authenticator: KeyAuthenticator;
  readonly tenancy: Tenancy;
  readonly embeddings: Embeddings;
  readonly retrieval: Retrieval;
  /** The Workers that answer under `FORWARDED_PREFIXES`. */
  readonly forwarded: Readonly<Record<ForwardedWorker, Forwarded>>;
}

export const compose = oncePerIsolate((env: GatewayEnv): Gateway => {
  const basics = basicsOf(env);
  const { clock, metrics } = basics;
  const tenancy = wireTenancy(env, basics, { vectors: (tenant) => vectorCount(retrieval.indexes, tenant) });
  const countCache = tallying({ clock, tally: tenancy.tally });
  const count: CountCache = (principal, event) => {
    countCache(principal, event);
    countInMetrics(metrics, event);
  };
  const countInputs: CountInputs = ({ organisationId, tenantId }, input, subject, values) => {
    if (values.length === 0) return;
    const counts = bucketCounts(input, values);
    tenancy.tally(`${input} ${subject}`, { organisationId, tenantId, input, subject, atMs: clock.nowMs(), counts });
  };
  const embeddings = wireEmbeddings(env, basics, { count, countInputs });
  const retrieval = wireRetrieval(env, basics, tenancy, embeddings, { count, countInputs });
  const forwarded = {
    control: forwardedWorker('control', env.CONTROL, env),
    upstreams: forwardedWorker('upstreams', env.UPSTREAMS, env),
    planning: forwardedWorker('planning', env.PLANNING, env),
  };
  return {
    ...basics,
    readiness: new Readiness({ organisations: tenancy.organisations, models: embeddings.models, others: Object.values(forwarded), clock }),
    authenticator: tenancy.authenticator,
    budget: tenancy.budget,
    countCall: tenancy.countCall,
    tenancy,
    embeddings,
    retrieval,
    forwarded,
  };
});
