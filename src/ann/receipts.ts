import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { IndexId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';
import type { RowKeys } from './rows.ts';
import { idHash } from './rows.ts';
import type { Billing, Repetition, Written } from './shard-protocol.ts';

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

/**
 * The prefix of the key that a gateway gives to a request that came without one, so that its own retries are recognised (RT41). No caller's
 * key has a space.
 */
const OWN = ' ';

/** `unique` is in no other request's. */
export const ownKey = (unique: string): string => `${OWN}${unique}`;

export const isOwnKey = (key: string): boolean => key.startsWith(OWN);

/** Whether a write is one that its caller may repeat, under the same key. */
export const hasCallersKey = <R extends { readonly idempotencyKey: string }>(repetition: R | null): repetition is R =>
  repetition !== null && !isOwnKey(repetition.idempotencyKey);

/** A write that may be a repetition. */
type ResumedWrite =
  /** It is done: this was its answer. */
  | { readonly kind: 'repeated'; readonly written: Written }
  /** What is still to be written, by position: all that no receipt states as written. */
  | { readonly kind: 'left'; readonly positions: readonly number[] };

/** What is left to do of a write, by what is remembered of its key. Refuses another request under the same key. */
export function resumeWrite(
  { ids, namespaces }: RowKeys,
  repetition: Repetition | null,
  receiptOf: (repetition: Repetition) => Receipt | undefined,
): Outcome<ResumedWrite> {
  const receipt = repetition === null ? undefined : receiptOf(repetition);
  if (receipt !== undefined && receipt.digest !== repetition?.digest) return keyWroteOtherwise();
  const { done, billing } = receipt ?? UNKNOWN;
  const positions = [...ids.keys()].filter((at) => {
    const hash = idHash(namespaces[at] ?? '', ids[at] ?? '');
    return done.every(({ parts, part }) => hash % parts !== part);
  });
  if (positions.length > 0 || done.length === 0) return ok({ kind: 'left', positions });
  // An upsert changes as many vectors as it has.
  const written = { count: ids.length, lsn: Math.max(...done.map(({ lsn }) => lsn)) };
  return ok({ kind: 'repeated', written: billing === null ? written : { ...written, billing } });
}

const UNKNOWN: Pick<Receipt, 'done' | 'billing'> = { done: [], billing: null };

export const keyWroteOtherwise = () => refuse('idempotency_mismatch', 'was used for another write', 'idempotency-key');
