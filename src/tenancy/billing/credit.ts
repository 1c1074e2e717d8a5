/** Money that an organisation need not pay: taken off its invoices, the oldest credit first. */
export interface Credit {
  readonly id: string;
  readonly description: string;
  readonly amountNano: bigint;
  /** What final invoices have taken. */
  readonly appliedNano: bigint;
  readonly createdAtMs: number;
  /** Null: never. */
  readonly expiresAtMs: number | null;
}

export interface AppliedCredit {
  readonly creditId: string;
  readonly description: string;
  readonly amountNano: bigint;
}

/** What credits take off `totalNano` of a month that ends at `monthEndMs`: never more than there is, never below zero. */
export function applyCredits(credits: readonly Credit[], totalNano: bigint, monthStartMs: number, monthEndMs: number): AppliedCredit[] {
  const applied: AppliedCredit[] = [];
  let restNano = totalNano;
  for (const { id, description, amountNano, appliedNano, createdAtMs, expiresAtMs } of credits) {
    if (createdAtMs >= monthEndMs || (expiresAtMs !== null && expiresAtMs <= monthStartMs)) continue;
    const leftNano = amountNano - appliedNano;
    const takenNano = leftNano < restNano ? leftNano : restNano;
    if (takenNano <= 0n) continue;
    applied.push({ creditId: id, description, amountNano: takenNano });
    restNano -= takenNano;
  }
  return applied;
}
