import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { ok } from '../kernel/result.ts';
import type { Repetition, Written } from './shard-protocol.ts';
import type { Receipt } from './vector-store.ts';

/** What to answer to a write that was done before; undefined when it was not. Refuses another write under the same key. */
export function answerRepetition(
  repetition: Repetition | null,
  receiptOf: (repetition: Repetition) => Receipt | undefined,
): Outcome<Written> | undefined {
  const receipt = repetition === null ? undefined : receiptOf(repetition);
  if (receipt === undefined) return undefined;
  return receipt.digest === repetition?.digest ? ok(receipt.written) : keyWroteOtherwise();
}

export const keyWroteOtherwise = () =>
  refuse('idempotency_mismatch', 'this idempotency-key wrote something else before', 'idempotency-key');
