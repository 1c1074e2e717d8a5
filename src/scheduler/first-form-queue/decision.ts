import type { UsageEvent } from '../../contract/meter.ts';
import type { PoolId } from '../../kernel/ids.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { JobStore } from './job-store.ts';
import type { Job } from './job.ts';

/** What the machine wants done. */
export type Decision =
  | { readonly kind: 'save'; readonly job: Job }
  | { readonly kind: 'charge'; readonly usage: UsageEvent }
  /** There is news for a pool, or work for any pool that waits. A hint: losing it delays, and harms nothing. */
  | { readonly kind: 'nudge'; readonly poolId: PoolId | 'waiting' };

export type WakeUpHint = Extract<Decision, { kind: 'nudge' }>;

/** The outcome of one event: what to do, and what to answer once it is done. */
export interface Step<Reply> {
  readonly decisions: readonly Decision[];
  readonly reply: Reply;
}

/** Carries out the writes among `decisions`; the caller's transaction holds them together. Answers the nudges, for afterwards. */
export function commit(store: JobStore, decisions: readonly Decision[]): readonly WakeUpHint[] {
  const nudges: WakeUpHint[] = [];
  for (const decision of decisions) {
    switch (decision.kind) {
      case 'save':
        store.save(decision.job);
        break;
      case 'charge':
        store.charge(decision.usage);
        break;
      case 'nudge':
        nudges.push(decision);
        break;
      default:
        unreachable(decision);
    }
  }
  return nudges;
}
