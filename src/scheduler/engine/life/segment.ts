import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { Grant } from './funds.ts';

const HOUR_MS = 3_600_000n;
const WHOLE_MILLI = 1_000n;

/** A stretch of an attempt during which what it holds and its price stay the same. Plain data. */
export interface Segment {
  readonly index: number;
  readonly startedAtMs: number;
  /** Accelerators held, in thousandths; of a job without any, its nodes count as whole ones. */
  readonly milli: number;
  /** As it was when the segment began. */
  readonly nanoDollarsPerHour: number;
}

/** What a segment was held of. */
interface Held {
  readonly poolId: PoolId;
  readonly nodes: number;
  readonly accelerator: string | null;
}

/** The ledger event of a segment. Its id makes a second delivery harmless. */
export interface LedgerEvent extends Held {
  readonly id: string;
  readonly jobId: JobId;
  readonly fence: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Thousandths of an accelerator, times milliseconds. */
  readonly quantity: number;
  readonly nanoDollarsPerHour: number;
  readonly amountNanoDollars: number;
  /** The grant that it is paid from; null where it is not prepaid. */
  readonly grant: { readonly index: number; readonly paidAtMs: number } | null;
}

/** The ledger event of a segment that ends at `untilMs`. What `grant` does not cover is not charged. */
export function ledgerEvent(
  attemptId: string,
  jobId: JobId,
  fence: number,
  segment: Segment,
  untilMs: number,
  { grant, ...held }: Held & { readonly grant: Grant | null },
): LedgerEvent {
  // A clock that was set back must not make time negative.
  const endMs = Math.max(segment.startedAtMs, untilMs);
  const quantity = Math.min(segment.milli * (endMs - segment.startedAtMs), grant?.milliMs ?? Infinity);
  return {
    id: `${attemptId}:${fence}:${segment.index}`,
    jobId,
    fence,
    ...held,
    fromMs: segment.startedAtMs,
    untilMs: endMs,
    quantity,
    nanoDollarsPerHour: segment.nanoDollarsPerHour,
    amountNanoDollars: Number((BigInt(quantity) * BigInt(segment.nanoDollarsPerHour)) / (HOUR_MS * WHOLE_MILLI)),
    grant: grant === null ? null : { index: grant.index, paidAtMs: grant.paidAtMs },
  };
}

/** When a segment will have cost `nanoDollars`; never, for one that is free. */
export function affordableUntilMs({ startedAtMs, milli, nanoDollarsPerHour }: Segment, nanoDollars: number): number {
  const rate = BigInt(milli) * BigInt(nanoDollarsPerHour);
  return rate === 0n ? Infinity : startedAtMs + Number((BigInt(nanoDollars) * HOUR_MS * WHOLE_MILLI) / rate);
}
