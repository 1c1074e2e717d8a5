import { DurableObject } from 'cloudflare:workers';

import type { Served } from '../../durable-objects/object-namespace.ts';
import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import type { GatewayEnv, GenerationStub } from './env.ts';

interface Watched {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly sinceMs: number;
}

/**
 * Does the work on an index's generations, alarm by alarm. It stores only the index's name: the state of the work is in the index's own
 * object, which fences superseded runs. It lives in the gateway's Worker because the work takes the gateway's use cases, models and
 * budgets, which no other Worker may reach.
 */
export class GenerationObject extends DurableObject<GatewayEnv> implements Served<GenerationStub> {
  /** Works on the index's generations from now on, until it has one only. */
  async watch(tenantId: TenantId, name: string): Promise<void> {
    this.ctx.storage.kv.put('watched', { tenantId, name, sinceMs: Date.now() } satisfies Watched);
    await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    const watched = this.ctx.storage.kv.get<Watched>('watched');
    if (watched === undefined) return;
    // Armed again first: so an interruption or failure is followed by another alarm.
    await this.ctx.storage.setAlarm(Date.now() + VECTOR_LIMITS.generationRetryMs);
    // Loaded by the first alarm: most isolates only answer requests.
    const { composeRetrieval } = await import('./compose-retrieval.ts');
    const { retrieval, tenancy } = composeRetrieval(this.env);
    const waitMs = await retrieval.generationWork.advance(watched.tenantId, watched.name);
    await tenancy.flush();
    const isOver = waitMs === null && Date.now() - watched.sinceMs > VECTOR_LIMITS.generationWatchMs;
    if (isOver) await this.ctx.storage.deleteAll();
    else await this.ctx.storage.setAlarm(Date.now() + (waitMs ?? VECTOR_LIMITS.generationRetryMs));
  }
}
