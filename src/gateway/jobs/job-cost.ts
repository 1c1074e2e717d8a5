import type { Job } from '../../scheduler/served/job.ts';
import { isFinished } from '../../scheduler/served/job.ts';
import { amountNano, editionAt } from '../../tenancy/usage/price-book.ts';

/** What a finished job costs in nano-dollars, at the prices of when it finished; undefined before. */
export function jobCostNano(job: Job): bigint | undefined {
  if (!isFinished(job) || job.finishedAtMs === null) return undefined;
  const { prices } = editionAt(job.finishedAtMs);
  return amountNano(job.tokens, prices.job_tokens) + amountNano(job.acceleratorMs, prices.accelerator_ms);
}
