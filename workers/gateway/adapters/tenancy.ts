import { waitUntil } from 'cloudflare:workers';
import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import { syncStub } from '../../../durable-objects/sync-stub.ts';
import type { QuotaObject } from '../../../durable-objects/quota-object.ts';
import { messageOf } from '../../../src/contract/errors.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { CacheLines, CountCache } from '../../../src/gateway/cache-stats.ts';
import { cacheLines, CacheStats, tallying } from '../../../src/gateway/cache-stats.ts';
import type { JobParts } from '../../../src/gateway/jobs/job-desk.ts';
import type { OrganisationDirectory, Organisations, OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import { allTenants } from '../../../src/gateway/tenancy/organisation-store.ts';
import { BillingAdmin } from '../../../src/gateway/tenancy/billing-admin.ts';
import type { BillingLedger, BillingLedgers } from '../../../src/gateway/tenancy/billing-ledger.ts';
import type { HoldingsParts } from '../../../src/gateway/tenancy/holdings.ts';
import { Holdings } from '../../../src/gateway/tenancy/holdings.ts';
import { InvoiceReader } from '../../../src/gateway/tenancy/invoice-reader.ts';
import { KeyAdmin } from '../../../src/gateway/tenancy/key-admin.ts';
import type { KeyLookup } from '../../../src/gateway/tenancy/key-authenticator.ts';
import { KeyAuthenticator } from '../../../src/gateway/tenancy/key-authenticator.ts';
import { KnownOrganisations } from '../../../src/gateway/tenancy/known-organisations.ts';
import { pathOf } from '../../../src/tenancy/quota/quota-level.ts';
import { QuotaAdmin } from '../../../src/gateway/tenancy/quota-admin.ts';
import type { QuotaLedger, QuotaLedgers } from '../../../src/gateway/tenancy/quota-ledger.ts';
import { SlicedBudget } from '../../../src/gateway/tenancy/sliced-budget.ts';
import { TenancyAdmin } from '../../../src/gateway/tenancy/tenancy-admin.ts';
import type { UsageSink } from '../../../src/gateway/tenancy/usage-delivery.ts';
import { UsageDelivery } from '../../../src/gateway/tenancy/usage-delivery.ts';
import type { UsageLines } from '../../../src/gateway/tenancy/usage-reader.ts';
import { UsageReader } from '../../../src/gateway/tenancy/usage-reader.ts';
import { UnsignedIds } from '../../../src/gateway/unsigned-ids.ts';
import { assert } from '../../../src/kernel/assert.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { Hmac } from '../../../src/kernel/hmac.ts';
import { IdSigner } from '../../../src/kernel/id-signer.ts';
import type { KeyId, OrganisationId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Rng } from '../../../src/kernel/rng.ts';
import { isSigned, organisationOf, stemOf } from '../../../src/tenancy/resource-ids.ts';
import { UsageBuffer } from '../../../src/tenancy/usage/usage-buffer.ts';
import { requestWakeUps } from '../../inference/request-wake-ups.ts';
import type { GatewayEnv } from '../env.ts';
import type { Metrics } from '../metrics.ts';
import { within } from './ask.ts';

/** Authentication, quotas and usage: the parts of an isolate that know tenants. */
export interface Tenancy {
  readonly authenticator: KeyAuthenticator;
  readonly budget: SlicedBudget;
  readonly organisations: Organisations;
  readonly admin: TenancyAdmin;
  readonly keys: KeyAdmin;
  readonly quotas: QuotaAdmin;
  readonly billing: BillingAdmin;
  readonly ledgers: BillingLedgers;
  readonly invoices: InvoiceReader;
  readonly usage: UsageReader;
  /** When keys of one organisation were last used; what cannot be known now is not in it. */
  readonly lastUsed: (ids: readonly KeyId[]) => Promise<ReadonlyMap<KeyId, number>>;
  readonly quotaLedgers: QuotaLedgers;
  readonly holdJob: JobParts['holdJob'];
  readonly cacheStats: CacheStats;
  /** Hands over the usage that waits, for a process that may end soon. */
  readonly flush: () => Promise<void>;
  /** Takes what the caches do; it is delivered with the usage. */
  readonly countCache: CountCache;
}

/** Wires tenancy over the control objects. The admin key and the pepper must be long enough to withstand guessing. */
export function wireTenancy(env: GatewayEnv, clock: Clock, rng: Rng, metrics: Metrics, countOf: HoldingsParts['countOf']): Tenancy {
  const hmac = new Hmac(secret('SLUICE_KEY_PEPPER', env.SLUICE_KEY_PEPPER));
  const signer = new IdSigner(hmac);
  const organisations = organisationsOf(env, signer, clock);
  const isolateId = crypto.randomUUID();
  const ledgers = quotaLedgersOf(env, metrics);
  const billing: BillingLedgers = (organisation) => billingOf(env, organisation);
  const buffer = new UsageBuffer(isolateId, () => metrics.count('sluice_usage_lost_total', {}));
  const delivery = new UsageDelivery({
    buffer,
    sink: sinkOf(env),
    clock,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    background: waitUntil,
    beside: () => budget.returnIdle(),
  });
  const holdings = new Holdings({ ledgers, countOf, tenantsOf: (id) => allTenants(organisations, id), background: waitUntil });
  const budget = new SlicedBudget({
    ledgers,
    holdings,
    newId: () => crypto.randomUUID(),
    usage: buffer,
    clock,
    isolateId,
    wakeUps: requestWakeUps,
    onUsage: () => delivery.notice(),
  });
  const authenticator = new KeyAuthenticator({
    adminKey: secret('SLUICE_ADMIN_KEY', env.SLUICE_ADMIN_KEY),
    hmac,
    lookup: lookupOf(organisations),
    clock,
    wakeUps: requestWakeUps,
  });
  const parts = { organisations, hmac, signer, rng, clock };
  return {
    authenticator,
    budget,
    organisations,
    admin: new TenancyAdmin(parts),
    keys: new KeyAdmin(parts, (id) => authenticator.forget(id)),
    quotas: new QuotaAdmin(organisations, ledgers),
    billing: new BillingAdmin({ ...parts, ledgers: billing, quotas: ledgers, allowsHttp: env.WEBHOOKS_OVER_HTTP === 'yes' }),
    ledgers: billing,
    invoices: new InvoiceReader({ organisations, ledgers: billing, quotas: ledgers, flush: () => delivery.flush() }),
    quotaLedgers: ledgers,
    holdJob: async (principal, id) =>
      budget.holds(principal, 'jobs') ? holdings.hold(principal, pathOf(principal), 'jobs', 1, id) : ok(undefined),
    lastUsed: (ids) => lastUsed(billing, ids),
    cacheStats: new CacheStats({ organisations, lines: cacheLinesOf(env), clock, flush: () => delivery.flush() }),
    flush: () => delivery.flush(),
    countCache: tallying({ clock, tally: (tally) => buffer.tally(tally) }),
    usage: new UsageReader({ organisations, lines: linesOf(env), clock, flush: () => delivery.flush() }),
  };
}

function secret(name: string, value: string | undefined): string {
  const charsMin = LIMITS.adminSecretCharsMin;
  assert(value !== undefined && value.length >= charsMin, `the secret binding ${name} must have at least ${charsMin} characters`);
  return value;
}

// RPC stubs answer promises of what the classes answer; their generated types lose branded ids on the way.
// A stub belongs to the request that made it: one is made for each call.
function organisationsOf(env: GatewayEnv, signer: IdSigner, clock: Clock): Organisations {
  const directory = () => env.DIRECTORY.get(env.DIRECTORY.idFromName('directory')) as unknown as OrganisationDirectory;
  const unsigned = new UnsignedIds<OrganisationId>(() => within(directory().unsigned(), LIMITS.controlTimeoutMs), clock);
  return new KnownOrganisations({
    at: (id) => env.ORGANISATION.get(env.ORGANISATION.idFromName(id)) as unknown as OrganisationStore,
    directory,
    isKnown: (id) => (isSigned(id) ? signer.isOurs('organisation', stemOf(id)) : unsigned.has(id)),
  });
}

const billingOf = (env: GatewayEnv, organisation: OrganisationId) =>
  env.BILLING.get(env.BILLING.idFromName(organisation)) as unknown as BillingLedger & {
    record(...args: Parameters<BillingObject['record']>): ReturnType<BillingObject['record']>;
    cacheStats(...args: Parameters<BillingObject['cacheStats']>): Promise<ReturnType<BillingObject['cacheStats']>>;
    usage: UsageLines extends (organisation: OrganisationId, ...rest: infer Rest) => infer Answer ? (...rest: Rest) => Answer : never;
  };

/** In addition to what was asked for: a ledger that cannot be reached must not delay the rest. */
async function lastUsed(billing: BillingLedgers, ids: readonly KeyId[]): Promise<ReadonlyMap<KeyId, number>> {
  const [first] = ids;
  if (first === undefined) return new Map();
  const uses = await within(billing(organisationOf(first)).lastUsed(ids), LIMITS.controlTimeoutMs).catch(() => []);
  return new Map(ids.flatMap((id, position) => (uses[position] ? [[id, uses[position]]] : [])));
}

const lookupOf = (organisations: Organisations): KeyLookup => {
  return async (id) => {
    const found = await within(organisations.at(organisationOf(id)).admit(id), LIMITS.controlTimeoutMs);
    if (found.ok) return found.value;
    // A key whose organisation is lost is not unknown: nothing can be determined about it. [T90]
    if (found.error.code === 'unavailable') throw new Error(messageOf(found.error));
    return undefined;
  };
};

const sinkOf = (env: GatewayEnv): UsageSink => {
  return async ({ organisationId, events, tallies }) => {
    const recorded = await within(billingOf(env, organisationId).record(events, tallies), LIMITS.controlTimeoutMs);
    assert(recorded.ok, 'a batch of usage is within the limits of the ledger');
  };
};

const linesOf =
  (env: GatewayEnv): UsageLines =>
  (organisation, query) =>
    billingOf(env, organisation).usage(query);

const cacheLinesOf =
  (env: GatewayEnv): CacheLines =>
  async (organisation, ...period) => {
    const { counts, held } = await billingOf(env, organisation).cacheStats(...period);
    return cacheLines(counts, held);
  };

const soon = <T>(work: Promise<T>): Promise<T> => within(work, LIMITS.controlTimeoutMs);

/** The quota objects as ports. A stub belongs to the request that made it: one is made for each call. */
export const quotaLedgersOf =
  (env: GatewayEnv, metrics: Metrics): QuotaLedgers =>
  (organisation) => {
    const object = () => syncStub<QuotaObject>(env.QUOTA, organisation);
    return {
      take: (...rest) => {
        metrics.count('sluice_quota_messages_total', {});
        return soon(object().take(...rest));
      },
      reserve: (...rest) => soon(object().reserve(...rest)),
      settle: (...rest) => soon(object().settle(...rest)),
      now: () => soon(object().now()),
      count: (...rest) => soon(object().count(...rest)),
      setRules: (...rest) => soon(object().setRules(...rest)),
      replaceRule: (...rest) => soon(object().replaceRule(...rest)),
      describe: (...rest) => soon(object().describe(...rest)),
      grantedIn: (...rest) => soon(object().grantedIn(...rest)),
      erase: (...rest) => soon(object().erase(...rest)),
      countLevels: (...rest) => soon(object().countLevels(...rest)),
    } satisfies QuotaLedger;
  };
