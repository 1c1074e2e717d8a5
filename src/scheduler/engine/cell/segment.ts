import type { HourlyPrice } from '../../../contract/tenancy/accelerator-prices.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';

/** Accelerator time that is paid for an attempt. */
export interface Grant {
  /** Numbered from 0 within its attempt. */
  readonly index: number;
  /** What is left of it: thousandths of an accelerator, times milliseconds. */
  readonly milliMs: number;
  /** When it was taken from the payer's quota: what it pays for is billed as of then. */
  readonly paidAtMs: number;
  /** What its time costs: as it was when it was asked for. Absent in grants of before that was recorded: by the book when it was paid. */
  readonly price?: HourlyPrice;
}

/** What an attempt is paid from. Plain data. */
export interface Funds {
  /** The grant that pays now; null before the first, and when nothing is left. */
  readonly current: Grant | null;
  /** The one that pays once that is used up. */
  readonly next: Grant | null;
  /** The newest grant that was asked for. */
  readonly askedIndex: number;
  /** When it was asked for; null once that is answered. */
  readonly askedAtMs: number | null;
  /** The price at which it was asked for; absent where that was not sold, or not recorded. */
  readonly askedPrice?: HourlyPrice;
  /** Since when nothing pays; null while something does. */
  readonly endedAtMs: number | null;
  /** Who was refused more, if anyone was: there is nothing to come. */
  readonly refusedTo: 'payer' | 'job' | null;
}

export const NO_FUNDS: Funds = { current: null, next: null, askedIndex: -1, askedAtMs: null, endedAtMs: null, refusedTo: null };

/** Whether another grant may be asked for: none is there to come, and none was refused. */
export const mayAsk = ({ next, askedAtMs, refusedTo }: Funds): boolean => next === null && askedAtMs === null && refusedTo === null;

/** Funds of which so much of the present grant was charged. */
export const spent = (funds: Funds | null, milliMs: number): Funds | null =>
  funds?.current == null ? funds : { ...funds, current: { ...funds.current, milliMs: funds.current.milliMs - milliMs } };

/** Funds to pay `milli` from: the present grant as long as it lasts for a millisecond, then the next. */
export function drawn(funds: Funds | null, milli: number): Funds | null {
  if (funds === null || (funds.current !== null && funds.current.milliMs >= milli)) return funds;
  return { ...funds, current: funds.next, next: null };
}

/** What of an attempt says how long it is paid. */
interface PaidAttempt {
  readonly segment: { readonly startedAtMs: number; readonly milli: number } | null;
  readonly funds: Funds | null;
  readonly startedAtMs: number | null;
}

/** When what is paid is used up: of an attempt that nothing pays for any more, the time that it ended. */
export const paidUntilMs = ({ segment, funds, startedAtMs }: PaidAttempt): number =>
  segment === null || funds?.current == null
    ? (funds?.endedAtMs ?? startedAtMs ?? 0)
    : segment.startedAtMs + Math.floor(funds.current.milliMs / segment.milli);

const HOUR_MS = 3_600_000n;
const WHOLE_MILLI = 1_000n;

/** A stretch of an attempt during which what it holds and its price stay the same. Plain data. */
export interface Segment {
  readonly index: number;
  readonly startedAtMs: number;
  /** Accelerators held, in thousandths; of a job without any, its nodes count as whole ones. */
  readonly milli: number;
  /** That of the grant that pays for it; of one that is not prepaid, as it was when the segment began. */
  readonly nanoDollarsPerHour: number;
  /** Names that price; absent where nothing is sold, and in segments of before it was recorded. */
  readonly priceId?: string;
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
  /** As in its segment. */
  readonly priceId?: string;
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
    ...(segment.priceId === undefined ? {} : { priceId: segment.priceId }),
    amountNanoDollars: Number((BigInt(quantity) * BigInt(segment.nanoDollarsPerHour)) / (HOUR_MS * WHOLE_MILLI)),
    grant: grant === null ? null : { index: grant.index, paidAtMs: grant.paidAtMs },
  };
}

/** When a segment will have cost `nanoDollars`; never, for one that is free. */
export function affordableUntilMs({ startedAtMs, milli, nanoDollarsPerHour }: Segment, nanoDollars: number): number {
  const rate = BigInt(milli) * BigInt(nanoDollarsPerHour);
  return rate === 0n ? Infinity : startedAtMs + Number((BigInt(nanoDollars) * HOUR_MS * WHOLE_MILLI) / rate);
}
