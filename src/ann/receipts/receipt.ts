import type { IndexId } from '../../kernel/ids.ts';
import type { Billing, Repetition } from '../shard-protocol.ts';

/**
 * What an object of an index remembers of a request with an `Idempotency-Key`. It states which ids are written, not in which object, so it
 * means the same wherever it is copied: to the locators at the first split, and to the objects of another generation.
 */
export interface Receipt {
  readonly digest: string;
  /** When the request was first seen. */
  readonly atMs: number;
  /** Which of its vectors are written. None: it was claimed and may be under way. */
  readonly done: readonly DonePart[];
  /** Known where the key is claimed; null in receipts of parts, and in those of earlier versions. */
  readonly billing: Billing | null;
}

/** The vectors of a request whose id hash is `part` modulo `parts`: all of them for part 0 of 1. */
export interface DonePart {
  readonly parts: number;
  readonly part: number;
  readonly lsn: number;
}

/** All vectors of a request. */
export const WHOLE = { parts: 1, part: 0 } as const;

/** A receipt as sent from one object to another. */
export interface KeyedReceipt extends Receipt {
  readonly idempotencyKey: string;
}

/** Receipts in the order in which they last changed: all that changed after the position at which the page begins, if it is the last. */
export interface ReceiptPage {
  readonly receipts: readonly KeyedReceipt[];
  /** Where the next page begins. */
  readonly next: number;
}

/** What a request is billed as that an index first sees now: no key is twice new in one index at one moment. */
export const billingOf = ({ embedded }: Repetition, indexId: IndexId, nowMs: number): Billing => ({
  usageId: `${indexId}:${nowMs}`,
  tokens: embedded?.tokens ?? 0,
  cachedTokens: embedded?.cachedTokens ?? 0,
});

/** What is known once both are; the first one's digest and billing count. */
export function mergedReceipts(known: Receipt, other: Receipt): Receipt {
  return {
    digest: known.digest,
    atMs: Math.min(known.atMs, other.atMs),
    done: mergedParts([...known.done, ...other.done]),
    billing: known.billing ?? other.billing,
  };
}

function mergedParts(done: readonly DonePart[]): DonePart[] {
  const whole = done.find(({ parts }) => parts === 1);
  // Whatever else is written is a part of all.
  if (whole !== undefined) return [whole];
  const known = new Map(done.toReversed().map((part) => [`${part.part} of ${part.parts}`, part]));
  return [...known.values()].toReversed();
}
