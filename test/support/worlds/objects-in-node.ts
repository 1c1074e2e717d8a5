import { vi } from 'vitest';

import type { AliasAction, AliasPage } from '../../../src/index/aliases.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { LeaseGrant } from '../../../src/cache/purge-lease.ts';
import type { PurgeCommand, PurgePredicate } from '../../../src/cache/purge-predicate.ts';
import type { Tally } from '../../../src/tenancy/usage/usage-buffer.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import type { WriteLease } from '../../../src/contract/tenancy/write-lease.ts';
import type { CacheShard } from '../../../src/gateway/caches/sharded-cache.ts';
import type { BillingLedger } from '../../../src/gateway/tenancy/billing-ledger.ts';
import type { OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import type { CacheOwnerId, IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { NodeSql } from '../fakes/node-sql.ts';

/** An object's storage in memory. Its alarms never fire. */
export class ObjectStorage extends NodeSql {
  readonly #values = new Map<string, unknown>();
  readonly kv = {
    get: (key: string) => this.#values.get(key),
    put: (key: string, value: unknown) => this.#values.set(key, value),
    delete: (key: string) => this.#values.delete(key),
  };

  async getAlarm() {
    return null;
  }

  async setAlarm(_atMs: number) {}
}

export type Made<T> = new (context: { storage: ObjectStorage }, env: object) => T;
/** An object in any storage; `settings` are of the scheduler alone. */
type MadeAnywhere = new (context: object, env: object, settings?: object) => Readonly<Record<string, (...args: unknown[]) => unknown>>;
/** The methods of an object, which in this process may return without a promise. */
type Near<T> = { [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R | Promise<R> : never };

export interface PurgeLogOfOne {
  purge(command: PurgeCommand, lease?: WriteLease): Promise<Outcome<unknown>>;
  lease(position: number): LeaseGrant;
  eraseTenant(owner: CacheOwnerId, tenant: TenantId): Promise<Outcome<null>>;
  left(owner: CacheOwnerId, tenant: TenantId): Promise<Outcome<number>>;
}

export interface RegistryOfOne {
  open(): void;
  admits(name: string, key: null): Outcome<null>;
  reserve(manifest: IndexManifest, key: null): Outcome<null>;
  confirm(name: string, id: IndexId): Outcome<null>;
  release(name: string, id: IndexId): Outcome<null>;
  changeAliases(actions: readonly AliasAction[], lease?: WriteLease): Outcome<null>;
  close(limit: number): Outcome<readonly string[]>;
  taken(limit: number): Outcome<readonly string[]>;
  aliasPage(index: undefined, after: undefined, limit: number): Outcome<AliasPage>;
}

export interface LedgerOfOne extends Near<BillingLedger> {
  record(events: readonly UsageEvent[], tallies: readonly Tally[]): Promise<Outcome<unknown>>;
}

export interface ShardOfOne extends Near<CacheShard> {
  count(predicate: PurgePredicate): { readonly entries: number };
}

/** The real object classes, in Node. Imported by a name in a variable, so that TypeScript does not load workerd's types. */
export async function objectClasses() {
  vi.doMock('cloudflare:workers', () => ({
    DurableObject: class {
      readonly ctx: unknown;
      readonly env: unknown;
      constructor(ctx: unknown, env: unknown) {
        this.ctx = ctx;
        this.env = env;
      }
    },
  }));
  const load = async <T>(file: string, name: string): Promise<Made<T>> => {
    const loaded = await vi.importActual<Record<string, Made<T>>>(`../../../durable-objects/${file}.ts`);
    return loaded[name]!;
  };
  return {
    Organisation: await load<Near<OrganisationStore>>('organisation-object', 'OrganisationObject'),
    Registry: await load<RegistryOfOne>('registry-object', 'RegistryObject'),
    Cache: await load<ShardOfOne>('embedding-cache-object', 'EmbeddingCacheObject'),
    Log: await load<PurgeLogOfOne>('purge-log-object', 'PurgeLogObject'),
    Pool: (await load<object>('pool-object', 'PoolObject')) as unknown as MadeAnywhere,
    Scheduler: (await load<object>('scheduler-object', 'SchedulerObject')) as unknown as MadeAnywhere,
    Billing: await load<LedgerOfOne>('billing-object', 'BillingObject'),
  };
}
