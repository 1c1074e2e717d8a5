import type { Job } from '../../scheduler/served/job.ts';
import { isFinished } from '../../scheduler/served/job.ts';
import { amountNano, editionAt, priceOf } from '../../tenancy/usage/price-book.ts';

/** What a finished job costs in nano-dollars, at the prices of when it finished; undefined before. */
export function jobCostNano(job: Job): bigint | undefined {
  if (!isFinished(job) || job.finishedAtMs === null) return undefined;
  const edition = editionAt(job.finishedAtMs);
  const typed = Object.entries(job.acceleratorMsByType ?? {});
  const untypedMs = typed.reduce((left, [, ms]) => left - ms, job.acceleratorMs);
  return typed.reduce(
    (sum, [type, ms]) => sum + amountNano(ms, priceOf(edition, 'accelerator_ms', type)),
    amountNano(job.tokens, edition.prices.job_tokens) + amountNano(untypedMs, edition.prices.accelerator_ms),
  );
}
