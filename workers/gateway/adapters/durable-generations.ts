import type { IndexObject } from '../../../durable-objects/index-object.ts';
import type { GenerationCall, Generations } from '../../../src/index/generations/generation-state.ts';
import { indexObjectName } from '../../../src/index/index-manifest.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { WriteLease, Authority } from '../../../src/contract/write-lease.ts';
import { underAuthority } from '../../../src/contract/write-lease.ts';
import type { GenerationStore } from '../../../src/gateway/generations/generation-store.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { GatewayEnv } from '../env.ts';
import { ask } from './ask.ts';

/** What the object does. */
interface IndexStub {
  generations(name: string, call: GenerationCall, lease?: WriteLease): Promise<Outcome<Generations>>;
}

/** The generations of indexes behind their Durable Objects. */
export class DurableGenerations implements GenerationStore {
  readonly #indexes: DurableObjectNamespace<IndexObject>;

  constructor(indexes: DurableObjectNamespace<IndexObject>) {
    this.#indexes = indexes;
  }

  call(tenantId: TenantId, name: string, call: GenerationCall, authority: Authority | null): Promise<Outcome<Generations>> {
    // As with every stub, the generated types lose branded ids on the way.
    const stub = this.#indexes.getByName(indexObjectName(tenantId, name)) as unknown as IndexStub;
    const unsure = 'the generations may not have changed: ask for them';
    return underAuthority(authority, (lease) => ask(unsure, () => stub.generations(name, call, lease)));
  }
}

/** Wakes the object that works on the generations of an index. */
export const wakeOf =
  (env: GatewayEnv) =>
  (tenantId: TenantId, name: string): Promise<Outcome<null>> =>
    ask('the work on generations cannot be begun', async () => {
      await env.GENERATION.getByName(indexObjectName(tenantId, name)).watch(tenantId, name);
      return ok(null);
    });
