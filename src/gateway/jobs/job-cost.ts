import type { Charged, Job, JobSegment } from '../../scheduler/served/jobs/job.ts';
import { isFinished, priceKeyOf } from '../../scheduler/served/jobs/job.ts';
import type { Price } from '../../tenancy/usage/price-book.ts';
import { amountNano, editionAt, priceNamed } from '../../tenancy/usage/price-book.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

export interface PricedSegment {
  readonly segment: JobSegment;
  readonly nanoPerHour: bigint;
  readonly amountNano: bigint;
}

/** What a job has cost, in nano-dollars. */
export interface JobCost {
  readonly segments: readonly PricedSegment[];
  /** Of segments that are not among these. */
  readonly earlierNano: bigint;
  readonly tokensNano: bigint;
  readonly totalNano: bigint;
}

/** What time was charged at; before prices were recorded with it, by the book of its day. */
const priceFor = ({ priceId, day, accelerator }: Pick<Charged, 'priceId' | 'day' | 'accelerator'>): Price =>
  priceNamed(priceId ?? editionAt(day * DAY_MS).id, 'accelerator_ms', accelerator);

/**
 * Prices the newest segments of a job. Time of one price is rounded once, as a whole: a segment costs what the sum grows by with it, so that
 * all amounts together are exactly the cost (J97).
 */
export function jobCostOf(job: Job, newest: readonly JobSegment[]): JobCost {
  const left = new Map(job.charged.map((charged) => [priceKeyOf(charged), charged.acceleratorMs]));
  const segments = newest
    .toReversed()
    .map((segment): PricedSegment => {
      const { acceleratorMs } = segment;
      const price = priceFor(segment);
      const upTo = left.get(priceKeyOf(segment)) ?? acceleratorMs;
      left.set(priceKeyOf(segment), upTo - acceleratorMs);
      return {
        segment,
        nanoPerHour: amountNano(HOUR_MS, price),
        amountNano: amountNano(upTo, price) - amountNano(upTo - acceleratorMs, price),
      };
    })
    .reverse();
  const timeNano = job.charged.reduce((sum, charged) => sum + amountOf(charged), 0n);
  const tokensNano = amountNano(job.tokens, editionAt(job.finishedAtMs ?? 0).prices.job_tokens);
  const shownNano = segments.reduce((sum, priced) => sum + priced.amountNano, 0n);
  return { segments, earlierNano: timeNano - shownNano, tokensNano, totalNano: timeNano + tokensNano };
}

/** What a finished job costs in nano-dollars; undefined before. */
export const jobCostNano = (job: Job): bigint | undefined => (isFinished(job) ? jobCostOf(job, []).totalNano : undefined);

const amountOf = (charged: Charged): bigint => amountNano(charged.acceleratorMs, priceFor(charged));
