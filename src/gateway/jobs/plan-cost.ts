import { WHOLE_MILLI } from '../../scheduler/engine/model/pool-spec.ts';
import type { JobRequest } from '../../scheduler/served/jobs/job.ts';
import type { JobPlan } from '../../scheduler/served/plan-job.ts';
import { amountNano, editionAt, priceOf } from '../../tenancy/usage/price-book.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

export interface PlannedJob {
  readonly plan: JobPlan;
  /** Null where the plan knows no placement. */
  readonly cost: PlanCost | null;
}

/** What a planned job would be billed, in nano-dollars, at the prices of now. */
interface PlanCost {
  readonly nanoPerHour: bigint;
  /** The most that one attempt comes to, with its tokens; null for one that may take as long as it likes. */
  readonly attemptMaxNano: bigint | null;
}

export function planCostOf(request: JobRequest, { atMs, placement }: JobPlan): PlanCost | null {
  if (placement === null) return null;
  const { runtimeMaxMs, tokensMax = 0, costMaxNanoDollars, options } = request;
  const edition = editionAt(atMs);
  const price = priceOf(edition, 'accelerator_ms', options[placement.option]?.accelerator ?? null);
  const timeNano = (ms: number): bigint => amountNano(Math.floor((placement.milli * ms) / WHOLE_MILLI), price);
  const nanoPerHour = timeNano(HOUR_MS);
  if (runtimeMaxMs === null) return { nanoPerHour, attemptMaxNano: null };
  const attemptNano = timeNano(runtimeMaxMs) + amountNano(tokensMax, edition.prices.job_tokens);
  const isCapped = costMaxNanoDollars !== null && BigInt(costMaxNanoDollars) < attemptNano;
  return { nanoPerHour, attemptMaxNano: isCapped ? BigInt(costMaxNanoDollars) : attemptNano };
}
