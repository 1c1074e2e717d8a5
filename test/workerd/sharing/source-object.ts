import { DurableObject } from 'cloudflare:workers';

import type { Decision, PathAsk } from '../../../src/tenancy/quota/decision.ts';
import type { LevelId } from '../../../src/tenancy/quota/quota-level.ts';
import { MemoryQuota, rule } from '../../support/fakes/memory-quota.ts';

/** Answers each call after a delay, and counts the calls by kind. */
export class SourceObject extends DurableObject {
  readonly #calls: Record<string, number> = {};
  readonly #quota = new MemoryQuota(() => Date.now());

  async answer(kind: string, delayMs: number): Promise<number> {
    this.#calls[kind] = (this.#calls[kind] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    return this.#calls[kind];
  }

  async take(holder: string, sequence: number, asks: readonly PathAsk[], delayMs: number): Promise<Decision[]> {
    await this.answer('quotas', delayMs);
    return this.#quota.take(holder, sequence, asks).decisions;
  }

  /** A daily limit so low that no slice lasts. */
  limit(id: LevelId, requests: number): void {
    this.#quota.setRules(id, [rule('requests', 'day', requests)]);
  }

  calls(): Readonly<Record<string, number>> {
    return this.#calls;
  }
}
