import type { Erasure } from '../../../../src/index/erasure.ts';
import { isEmpty } from '../../../../src/index/erasure.ts';
import { indexObjectName } from '../../../../src/index/index-manifest.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { ErasedObjects } from '../../../../src/gateway/indexes/erasures.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { GatewayEnv } from '../../env.ts';
import { ask } from '../api/ask.ts';
import type { TenantRegistries } from './tenant-registries.ts';
import type { Remote } from '../../../../src/kernel/remote.ts';
import type { IndexObject } from '../../../../durable-objects/index-object.ts';
import type { ShardObject } from '../../../../durable-objects/shard-object.ts';

/** What the objects do. */
type IndexStub = Remote<Pick<IndexObject, 'holds'>>;
type StoringStub = Remote<Pick<ShardObject, 'residue'>>;

const UNREACHABLE = 'not every object can be reached: ask again';

/** The objects that an erased index lived in. */
export class DurableErasures implements ErasedObjects {
  readonly #env: Pick<GatewayEnv, 'INDEX' | 'LOCATOR' | 'SHARD' | 'REPLICA'>;

  readonly #registries: TenantRegistries;

  constructor(env: Pick<GatewayEnv, 'INDEX' | 'LOCATOR' | 'SHARD' | 'REPLICA'>, registries: TenantRegistries) {
    this.#env = env;
    this.#registries = registries;
  }

  find(tenantId: TenantId, id: string): Promise<Outcome<Erasure | null>> {
    return ask(UNREACHABLE, async () => {
      const registry = await this.#registries.find(tenantId);
      if (!registry.ok) return registry;
      return registry.value === undefined ? ok(null) : registry.value.erasure(id);
    });
  }

  isShardLeft(shard: string): Promise<Outcome<boolean>> {
    return isLeft(this.#env.SHARD.getByName(shard));
  }

  isLocatorLeft(locator: string): Promise<Outcome<boolean>> {
    return isLeft(this.#env.LOCATOR.getByName(locator));
  }

  isReplicaLeft(replica: string): Promise<Outcome<boolean>> {
    return isLeft(this.#env.REPLICA.getByName(replica));
  }

  isIndexLeft({ tenantId, name, indexIds }: Erasure): Promise<Outcome<boolean>> {
    const index = this.#env.INDEX.getByName(indexObjectName(tenantId, name)) as unknown as IndexStub;
    return ask(UNREACHABLE, async () => {
      const registry = await this.#registries.find(tenantId);
      if (!registry.ok) return registry;
      const [isHeld, listed] = await Promise.all([index.holds(indexIds), registry.value?.holds(name, indexIds) ?? ok(false)]);
      return listed.ok ? ok(isHeld || listed.value) : listed;
    });
  }
}

const isLeft = (stub: StoringStub): Promise<Outcome<boolean>> => ask(UNREACHABLE, async () => ok(!isEmpty(await stub.residue())));
