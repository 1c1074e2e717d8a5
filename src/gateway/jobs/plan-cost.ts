import type { HourlyPrice } from '../../contract/tenancy/accelerator-prices.ts';
import { WHOLE_MILLI } from '../../scheduler/engine/model/pool-spec.ts';
import type { JobRequest } from '../../scheduler/served/jobs/job.ts';
import type { JobPlan } from '../../scheduler/served/plan-job.ts';
import { amountNano, editionAt } from '../../tenancy/usage/price-book.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

export interface PlannedJob {
  readonly plan: JobPlan;
  /** Null where the plan knows no placement. */
  readonly cost: PlanCost | null;
}

/** What a planned job would be billed, in nano-dollars, at the price when it starts; an attempt at most, at the highest that is known to follow. */
interface PlanCost {
  readonly nanoPerHour: bigint;
  /** The most that one attempt comes to, with its tokens; null for one that may take as long as it likes. */
  readonly attemptMaxNano: bigint | null;
}

export function planCostOf(request: JobRequest, { atMs, placement }: JobPlan): PlanCost | null {
  if (placement === null) return null;
  const { runtimeMaxMs, tokensMax = 0, costMaxNanoDollars } = request;
  const edition = editionAt(atMs);
  const timeNano = (ms: number, price: HourlyPrice | null): bigint =>
    amountNano(Math.floor((placement.milli * ms) / WHOLE_MILLI), { nano: price?.nanoDollarsPerHour ?? 0, units: HOUR_MS });
  const nanoPerHour = timeNano(HOUR_MS, placement.price);
  if (runtimeMaxMs === null) return { nanoPerHour, attemptMaxNano: null };
  const attemptNano = timeNano(runtimeMaxMs, placement.highestPrice) + amountNano(tokensMax, edition.prices.job_tokens);
  const isCapped = costMaxNanoDollars !== null && BigInt(costMaxNanoDollars) < attemptNano;
  return { nanoPerHour, attemptMaxNano: isCapped ? BigInt(costMaxNanoDollars) : attemptNano };
}
