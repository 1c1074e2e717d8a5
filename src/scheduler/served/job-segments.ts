import type { PoolId } from '../../kernel/ids.ts';
import type { LedgerEvent } from '../engine/cell/segment.ts';
import { DAY_MS } from '../../kernel/time-units.ts';

/** A stretch of an attempt on the same nodes, as it was charged. Plain data. */
export interface JobSegment {
  /** 1 is the first of the job. */
  readonly sequence: number;
  readonly fence: number;
  readonly poolId: PoolId;
  readonly nodes: number;
  readonly accelerator: string | null;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly acceleratorMs: number;
  /** Whose prices hold for it, since the epoch, in UTC: the day of its end, or that on which it was paid in advance. */
  readonly day: number;
}

/** The newest segment once this was charged at that time: a new one, or the one before going on while its prices hold. */
export function segmentAfter(last: JobSegment | null, event: LedgerEvent, acceleratorMs: number, atMs: number): JobSegment {
  const day = Math.floor(atMs / DAY_MS);
  const { fence, poolId, nodes, accelerator, fromMs, untilMs } = event;
  const goesOn = last !== null && last.fence === fence && last.nodes === nodes && last.untilMs === fromMs && last.day === day;
  if (goesOn) return { ...last, untilMs, acceleratorMs: last.acceleratorMs + acceleratorMs };
  return { sequence: (last?.sequence ?? 0) + 1, fence, poolId, nodes, accelerator, fromMs, untilMs, acceleratorMs, day };
}
