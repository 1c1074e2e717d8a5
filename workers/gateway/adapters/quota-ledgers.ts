import { syncStub } from '../../../durable-objects/itty.ts';
import type { QuotaObject } from '../../../durable-objects/quota-object.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { QuotaLedger, QuotaLedgers } from '../../../src/gateway/tenancy/quota-ledger.ts';
import type { GatewayEnv } from '../env.ts';
import type { Metrics } from '../metrics.ts';
import { within } from './within.ts';

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
