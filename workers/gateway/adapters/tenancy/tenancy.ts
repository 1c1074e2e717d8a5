import { SCHEDULER_CELL } from '../../../../durable-objects/env.ts';
import { waitUntil } from 'cloudflare:workers';
import { syncStub } from '../../../../durable-objects/sync-stub.ts';
import type { QuotaObject } from '../../../../durable-objects/quota-object.ts';
import { messageOf } from '../../../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { TENANCY_LIMITS } from '../../../../src/contract/tenancy/tenancy-limits.ts';
import type { CacheLines } from '../../../../src/gateway/caches/cache-stats.ts';
import { cacheLines } from '../../../../src/gateway/caches/cache-stats.ts';
import { AuthorityWatches } from '../../../../src/gateway/tenancy/authority-watches.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { allTenants } from '../../../../src/gateway/tenancy/organisation-store.ts';
import type { HoldingsParts } from '../../../../src/gateway/tenancy/quotas/holdings.ts';
import { Holdings } from '../../../../src/gateway/tenancy/quotas/holdings.ts';
import type { KeyLookup } from '../../../../src/gateway/tenancy/key-authenticator.ts';
import { KeyAuthenticator } from '../../../../src/gateway/tenancy/key-authenticator.ts';
import { KnownOrganisations } from '../../../../src/gateway/tenancy/known-organisations.ts';
import type { QuotaLedger, QuotaLedgers } from '../../../../src/gateway/tenancy/quota-ledger.ts';
import { SlicedBudget } from '../../../../src/gateway/tenancy/quotas/sliced-budget.ts';
import type { UsageSink } from '../../../../src/gateway/tenancy/usage-delivery.ts';
import { UsageDelivery } from '../../../../src/gateway/tenancy/usage-delivery.ts';
import { UnsignedIds } from '../../../../src/gateway/tenancy/unsigned-ids.ts';
import { assert } from '../../../../src/kernel/assert.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { IdSigner } from '../../../../src/kernel/id-signer.ts';
import type { OrganisationId } from '../../../../src/kernel/ids.ts';
import { portTo } from '../../../../src/kernel/remote.ts';
import { isSigned, organisationOf, stemOf } from '../../../../src/tenancy/resource-ids.ts';
import { UsageBuffer } from '../../../../src/tenancy/usage/usage-buffer.ts';
import { requestWakeUps } from '../../../inference/request-wake-ups.ts';
import type { TenancyEnv } from '../../env.ts';
import type { Metrics } from '../../pipeline/metrics.ts';
import type { Basics, CountCall } from '../../pipeline/serving.ts';
import { within } from '../api/ask.ts';
import { sleep, systemTimer } from '../../../../durable-objects/system-time.ts';

/** Authentication, quotas and usage: the parts of an isolate that know tenants. Every subject has them. */
export interface Tenancy {
  readonly authenticator: KeyAuthenticator;
  readonly watches: AuthorityWatches;
  readonly budget: SlicedBudget;
  readonly holdings: Holdings;
  readonly organisations: Organisations;
  readonly quotaLedgers: QuotaLedgers;
  /** Keyed by the pepper: digests secrets, and signs ids. */
  readonly hmac: Hmac;
  readonly signer: IdSigner;
  /** Hands over the usage that waits, for a process that may end soon, or before usage is reported. */
  readonly flush: () => Promise<void>;
  /** Takes what is delivered with the usage of the same requests. */
  readonly tally: UsageBuffer['tally'];
  /** Takes how calls were answered; it is delivered with the usage, too. */
  readonly countCall: CountCall;
}

/** Wires tenancy over the control objects. The admin key and the pepper must be long enough to withstand guessing. */
export function wireTenancy(env: TenancyEnv, { clock, metrics }: Basics, counters: HoldingsParts['counters']): Tenancy {
  const hmac = new Hmac(secret('SLUICE_KEY_PEPPER', env.SLUICE_KEY_PEPPER));
  const signer = new IdSigner(hmac);
  const organisations = organisationsOf(env, signer, clock);
  const isolateId = crypto.randomUUID();
  const ledgers = quotaLedgersOf(env, metrics);
  const buffer = new UsageBuffer(isolateId, () => metrics.count('sluice_usage_lost_total', {}));
  const delivery = new UsageDelivery({
    buffer,
    sink: sinkOf(env),
    clock,
    sleep,
    background: waitUntil,
    returnIdle: () => budget.returnIdle(),
  });
  const holdings = new Holdings({ ledgers, counters, tenantsOf: (id) => allTenants(organisations, id), background: waitUntil });
  const budget = new SlicedBudget({
    ledgers,
    holdings,
    newId: () => crypto.randomUUID(),
    usage: buffer,
    clock,
    isolateId,
    wakeUps: requestWakeUps,
    background: waitUntil,
    onUsage: () => delivery.notice(),
  });
  const authenticator = new KeyAuthenticator({
    adminKey: secret('SLUICE_ADMIN_KEY', env.SLUICE_ADMIN_KEY),
    hmac,
    lookup: lookupOf(organisations),
    clock,
    wakeUps: requestWakeUps,
  });
  const watches = new AuthorityWatches({
    clock,
    timer: systemTimer,
    wakeUps: requestWakeUps,
    isolate: isolateId,
    ask: async (organisation, watcher, waitMs) => {
      const version = await organisations.at(organisation).watch(watcher, waitMs);
      if (!version.ok) throw new Error(messageOf(version.error));
      return version.value;
    },
    onChange: (organisation) => authenticator.doubt(organisation),
  });
  return {
    authenticator,
    watches,
    budget,
    holdings,
    organisations,
    quotaLedgers: ledgers,
    hmac,
    signer,
    flush: () => delivery.flush(),
    tally: buffer.tally.bind(buffer),
    countCall: ({ organisationId, tenantId }, endpoint, counter) => {
      buffer.tally(endpoint, { organisationId, tenantId, endpoint, atMs: clock.nowMs(), counts: { [counter]: 1 } });
      delivery.notice();
    },
  };
}

function secret(name: string, value: string | undefined): string {
  const charsMin = TENANCY_LIMITS.adminSecretCharsMin;
  assert(value !== undefined && value.length >= charsMin, `the secret binding ${name} must have at least ${charsMin} characters`);
  return value;
}

// A stub belongs to the request that made it: one is made for each call.
function organisationsOf(env: TenancyEnv, signer: IdSigner, clock: Clock): Organisations {
  const directory = () => env.DIRECTORY.getByName('directory');
  const unsigned = new UnsignedIds<OrganisationId>(() => within(directory().unsigned(), API_LIMITS.controlTimeoutMs), clock);
  return new KnownOrganisations({
    at: (id) => env.ORGANISATION.getByName(id),
    directory,
    isKnown: (id) => (isSigned(id) ? signer.isOurs('organisation', stemOf(id)) : unsigned.has(id)),
  });
}

/** What isolates reported of a tenant's caches. */
export const cacheLinesOf =
  (env: TenancyEnv): CacheLines =>
  async (organisation, ...period) => {
    const { counts, held } = await env.BILLING.getByName(organisation).cacheStats(...period);
    return cacheLines(counts, held);
  };

const lookupOf = (organisations: Organisations): KeyLookup => {
  return async (id) => {
    const found = await within(organisations.at(organisationOf(id)).admit(id), API_LIMITS.controlTimeoutMs);
    if (found.ok) return found.value;
    // A key whose organisation is lost is not unknown: nothing can be determined about it. [T90]
    if (found.error.code === 'unavailable') throw new Error(messageOf(found.error));
    return undefined;
  };
};

const sinkOf = (env: TenancyEnv): UsageSink => {
  return async ({ organisationId, events, tallies }) => {
    const recorded = await within(env.BILLING.getByName(organisationId).record(events, tallies), API_LIMITS.controlTimeoutMs);
    assert(recorded.ok, 'a batch of usage is within the limits of the ledger');
  };
};

const soon = <T>(work: Promise<T>): Promise<T> => within(work, API_LIMITS.controlTimeoutMs);

/** The quota objects as ports. */
export const quotaLedgersOf =
  (env: TenancyEnv, metrics: Metrics): QuotaLedgers =>
  (organisation) => {
    // Jobs that were refused under the former rules are tried again now; were this lost, they would be within minutes. [J118]
    const retryJobs = async (): Promise<void> => {
      await soon(env.SCHEDULER.getByName(SCHEDULER_CELL).releasePayers(organisation)).catch(() => undefined);
    };
    return portTo<QuotaLedger>(
      () => syncStub<QuotaObject>(env.QUOTA, organisation),
      async (call, method) => {
        if (method === 'take') metrics.count('sluice_quota_messages_total', {});
        const answer = await soon(call());
        if (method === 'setRules' || method === 'replaceRule') await retryJobs();
        return answer;
      },
    );
  };
