import type { Account, Ask, Decision } from '../src/tenancy/quota/account.ts';
import { roll, take } from '../src/tenancy/quota/account.ts';
import type { QuotaLimits } from '../src/tenancy/quota/quota-limits.ts';
import type { TenantId } from '../src/kernel/ids.ts';
import { SyncObject } from './itty.ts';
import { SqliteQuotaStore } from './sqlite/quota-store.ts';

/**
 * The quotas of one organisation: every tenant's limits, and what has been granted against them.
 *
 * All methods are synchronous, so that none sees another half done. No private fields: itty-durable calls methods through
 * a proxy, which has none.
 */
export class QuotaObject extends SyncObject {
  /**
   * Grants a slice or refuses. `holder` is one isolate's pool and `sequence` rises with each of its messages: remainders
   * in a message that was delivered before are not credited again.
   */
  take(tenantId: TenantId, holder: string, sequence: number, ask: Ask): Decision {
    const nowMs = Date.now();
    const { storage } = this.state;
    return storage.transactionSync(() => {
      const store = new SqliteQuotaStore(storage);
      const isNew = store.advance(holder, sequence, nowMs);
      const { account, decision } = take(store.account(tenantId), isNew ? ask : { ...ask, returned: [] }, nowMs);
      store.save(tenantId, account);
      return decision;
    });
  }

  /** Replaces a tenant's limits; what has been granted stays granted. */
  setLimits(tenantId: TenantId, limits: QuotaLimits): Account {
    const { storage } = this.state;
    return storage.transactionSync(() => {
      const store = new SqliteQuotaStore(storage);
      const account = { ...store.account(tenantId), limits };
      store.save(tenantId, account);
      return account;
    });
  }

  /** The limits of a tenant and what is granted in the windows of this moment. */
  describe(tenantId: TenantId): Account {
    const account = new SqliteQuotaStore(this.state.storage).account(tenantId);
    return { ...account, counters: roll(account.counters, Date.now()) };
  }
}
