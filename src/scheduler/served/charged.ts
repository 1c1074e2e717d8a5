import { DAY_MS } from '../../kernel/time-units.ts';

/** Time that was charged at one price: of one type of accelerator, on one day. Plain data. */
export interface Charged {
  readonly accelerator: string | null;
  /** Since the epoch, in UTC. */
  readonly day: number;
  readonly acceleratorMs: number;
}

/** What was charged, with what was charged at that time. */
export function withCharge(
  charged: readonly Charged[],
  accelerator: string | null,
  atMs: number,
  acceleratorMs: number,
): readonly Charged[] {
  const day = Math.floor(atMs / DAY_MS);
  const isSame = (one: Charged): boolean => one.accelerator === accelerator && one.day === day;
  if (!charged.some(isSame)) return [...charged, { accelerator, day, acceleratorMs }];
  return charged.map((one) => (isSame(one) ? { ...one, acceleratorMs: one.acceleratorMs + acceleratorMs } : one));
}
