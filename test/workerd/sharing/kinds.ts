import { ANY_FRESH } from '../../../src/cache/cache-directives.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { withGroups } from '../../../src/index/routing/shard-groups.ts';
import { summaryOf, regionPage } from '../../../src/index/routing/routing-summary.ts';
import { RouteReader } from '../../../src/index/routing/route-reader.ts';
import { AnswerCache } from '../../../src/gateway/caches/answer-cache.ts';
import { EmbeddingCache } from '../../../src/gateway/embeddings/embedding-cache.ts';
import { RouteCache } from '../../../src/index/routing/route-cache.ts';
import type { PurgeLogs } from '../../../src/gateway/caches/purge-logs.ts';
import { PurgeViews } from '../../../src/gateway/caches/purge-views.ts';
import type { HoldingsParts } from '../../../src/gateway/tenancy/quotas/holdings.ts';
import { Holdings } from '../../../src/gateway/tenancy/quotas/holdings.ts';
import { KeyAuthenticator } from '../../../src/gateway/tenancy/key-authenticator.ts';
import type { QuotaLedger } from '../../../src/gateway/tenancy/quota-ledger.ts';
import { SlicedBudget } from '../../../src/gateway/tenancy/quotas/sliced-budget.ts';
import { LoadOnce } from '../../../src/inference/load-once.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { Hmac } from '../../../src/kernel/hmac.ts';
import type { CacheOwnerId, IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { WakeUps } from '../../../src/kernel/wake-ups.ts';
import { formatApiKey, SECRET_BYTES } from '../../../src/tenancy/keys/api-key.ts';
import { issue } from '../../../src/tenancy/keys/key-record.ts';
import type { PathAsk } from '../../../src/tenancy/quota/decision.ts';
import { UsageBuffer } from '../../../src/tenancy/usage/usage-buffer.ts';
import { actingFor } from '../../support/fakes/in-force.ts';
import { tableOfClusters } from '../../support/oracles/table-of-clusters.ts';
import { idsOf, newKey } from '../../support/fakes/tenancy.ts';
import type { SourceObject } from './source-object.ts';

const DELAY_MS = 15;
const clock = { nowMs: () => Date.now() };
const hmac = new Hmac('a pepper of at least thirty-two characters');
const NEVER = { leaseMs: 900, guardMs: 100 };

/** Every use case of the gateway in which requests share work, over a slow object. Each returns a value that depends on its key. */
export function kindsOver(source: () => DurableObjectStub<SourceObject>, wakeUps: WakeUps) {
  const after = (kind: string) => source().answer(kind, DELAY_MS);
  const logs = {
    lease: async (_owner: CacheOwnerId, since: number) => {
      await after('purges');
      return ok({ since, tail: [], leaseMs: NEVER.leaseMs, grantedAtMs: Date.now() });
    },
  } as unknown as PurgeLogs;
  const purges = new PurgeViews({ logs, clock, wakeUps });
  const answers = new AnswerCache<string>({
    contract: {
      entriesMax: 100,
      bytesMax: 10_000,
      entryBytesMax: 100,
      bytesOf: (answer) => answer.length,
      basisOf: () => 'basis',
      repeated: (answer) => answer,
    },
    clock,
    wakeUps,
  });
  const embeddings = new EmbeddingCache({ clock, purges, wakeUps, secondLevel: { get: async () => [], put: async () => undefined } });
  const authenticator = new KeyAuthenticator({
    adminKey: 'none',
    hmac,
    clock,
    wakeUps,
    lookup: async (id) => {
      await after('keys');
      return issue(newKey({ id, mac: await hmac.hex(formatApiKey(id, new Uint8Array(SECRET_BYTES))) }));
    },
  });
  const usage = new UsageBuffer('isolate', () => undefined);
  const budget = new SlicedBudget({
    ledgers: () =>
      ({
        take: (holder: string, sequence: number, asks: readonly PathAsk[]) => source().take(holder, sequence, asks, DELAY_MS),
      }) as unknown as QuotaLedger,
    usage,
    clock,
    wakeUps,
    isolateId: 'isolate',
    holdings: new Holdings({} as HoldingsParts),
    newId: () => crypto.randomUUID(),
    onUsage: () => undefined,
    background: (work) => void work,
  });
  const { table, nextPoint } = tableOfClusters(12, 3, 4, 1);
  const routed = withGroups(undefined, table, { shardsMax: 8, shardsMin: 3 });
  const sharing = { clock, wakeUps };
  const routes = new RouteCache(
    {
      routingSummary: async (_, known) => {
        await after('routes');
        return ok(summaryOf(routed, known));
      },
      regions: async (_, group, since) => {
        await after('routes');
        return regionPage(routed, group, since);
      },
    },
    new RouteReader(1 << 20, sharing),
    sharing,
  );
  const models = new Map<string, LoadOnce<string>>();
  const loadOf = (key: string) => {
    const load = async (): Promise<Outcome<string>> => {
      await after('models');
      return ok(key);
    };
    const known = models.get(key) ?? new LoadOnce(load, { ...sharing, retryMs: 1_000 });
    models.set(key, known);
    return known;
  };
  const manifest = { id: 'model', version: '1', dimensions: 1, runner: 'static', contractHash: 'h' } as unknown as ModelManifest;

  return {
    answers: async (key: string) => {
      const view = await purges.current('tn_answers' as TenantId);
      const terms = { ttlMs: 60_000, directives: ANY_FRESH, tags: [] };
      const question = {
        tenantId: 'tn_answers' as TenantId,
        digest: key,
        basis: 'basis',
        model: 'm',
        modelVersion: '1',
        isUnshared: false,
        terms,
        view,
      };
      const answered = await answers.answer(question, async () => {
        await after('answers');
        return ok(key);
      });
      return answered.ok ? answered.value.answer : answered.error.code;
    },
    embeddings: async (key: string) => {
      const answered = await embeddings.answer({
        acting: actingFor('tn_embeddings'),
        owner: 'tn_embeddings' as CacheOwnerId,
        manifest,
        digests: [key, 'common', `${key}b`],
        directives: ANY_FRESH,
        ttlMs: undefined,
        tags: [],
        compute: async (inputs) => {
          await after('embeddings');
          return ok(Float32Array.from(inputs));
        },
      });
      if (!answered.ok) return answered.error.code;
      return answered.value.vectors.join() === '0,1,2' ? key : `not ${answered.value.vectors.join()}`;
    },
    keys: async (key: string) => {
      const apiKey = formatApiKey(idsOf(Number(key)).id, new Uint8Array(SECRET_BYTES));
      const proof = await (await authenticator.present(apiKey)).prove();
      return proof.ok ? key : proof.error.code;
    },
    quotas: async (key: string) => {
      const { organisationId, tenantId, projectId, id: keyId } = idsOf(Number(key));
      const caller = { kind: 'tenant' as const, organisationId, tenantId, projectId, keyId, owner: 'testers', scopes: [] };
      const reserved = await budget.reserve(caller, { requests: 1 });
      if (!reserved.ok) return reserved.error.code;
      reserved.value.settle({ requests: 1 }, { route: '/x' });
      return key;
    },
    purges: async (key: string) => {
      // With a lease or, when that takes too long, without one.
      await purges.current(key as CacheOwnerId);
      return key;
    },
    routes: async (key: string) => {
      const index = { id: key as IndexId, dimensions: 4, metric: 'l2', routeVersion: 1 } as IndexManifest;
      const ranked = await routes.using(index, (known) => known.rankForSearching(nextPoint()));
      return ranked.ok && ranked.value.length > 0 ? key : 'no routes';
    },
    models: async (key: string) => {
      const loaded = await loadOf(key).get();
      return loaded.ok ? loaded.value : loaded.error.code;
    },
  };
}

export type Kind = keyof ReturnType<typeof kindsOver>;
