/** A price by the month, whatever is used: a plan, support, a commitment. */
export interface FixedCharge {
  readonly id: string;
  readonly description: string;
  readonly monthlyNano: bigint;
  readonly fromMs: number;
  /** Null: until further notice. */
  readonly toMs: number | null;
}

/** What a charge comes to in a month: by the milliseconds of the month that it holds in, rounded half up, once. */
export function proratedNano({ monthlyNano, fromMs, toMs }: FixedCharge, monthStartMs: number, monthEndMs: number): bigint {
  const heldMs = Math.min(toMs ?? monthEndMs, monthEndMs) - Math.max(fromMs, monthStartMs);
  if (heldMs <= 0) return 0n;
  const monthMs = BigInt(monthEndMs - monthStartMs);
  return (monthlyNano * BigInt(heldMs) * 2n + monthMs) / (2n * monthMs);
}
