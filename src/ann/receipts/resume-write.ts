import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { idHash } from '../rows/id-hash.ts';
import type { RowKeys } from '../rows/rows.ts';
import type { Repetition, Written } from '../shard-protocol.ts';
import type { Receipt } from './receipt.ts';

/** A write that may be a repetition. */
export type ResumedWrite =
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
