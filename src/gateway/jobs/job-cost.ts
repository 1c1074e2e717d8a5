import type { Charged, Job, JobSegment } from '../../scheduler/served/jobs/job.ts';
import { isFinished } from '../../scheduler/served/jobs/job.ts';
import type { Price } from '../../tenancy/usage/price-book.ts';
import { amountNano, editionAt, priceOf } from '../../tenancy/usage/price-book.ts';
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

/** The price that held when time of a type was charged: prices change at the start of a day in UTC. */
const priceOn = (day: number, accelerator: string | null): Price => priceOf(editionAt(day * DAY_MS), 'accelerator_ms', accelerator);

/**
 * Prices the newest segments of a job. Time of one price is rounded once, as a whole: a segment costs what the sum grows by with it, so that
 * all amounts together are exactly the cost (J97).
 */
export function jobCostOf(job: Job, newest: readonly JobSegment[]): JobCost {
  const left = new Map(job.charged.map((charged) => [keyOf(charged), charged.acceleratorMs]));
  const segments = newest
    .toReversed()
    .map((segment): PricedSegment => {
      const { accelerator, day, acceleratorMs } = segment;
      const price = priceOn(day, accelerator);
      const upTo = left.get(keyOf({ day, accelerator })) ?? acceleratorMs;
      left.set(keyOf({ day, accelerator }), upTo - acceleratorMs);
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

const amountOf = ({ day, accelerator, acceleratorMs }: Charged): bigint => amountNano(acceleratorMs, priceOn(day, accelerator));

const keyOf = ({ day, accelerator }: Pick<Charged, 'day' | 'accelerator'>): string => `${day} ${accelerator ?? ''}`;
