import { chance } from '../../../kernel/seeded.ts';
import { runEstimate, runTermsOf } from '../model/run-estimate.ts';
import type { JobRecord } from './job-record.ts';
import { isOfQueue, optionKey } from './observations.ts';
import type { CellDecision, RunTimeRecord } from './records.ts';

/** Histograms remembered: some 500 bytes each. The one that was first seen longest ago goes first. */
const HISTOGRAMS_MAX = 10_000;

/** Buckets for each doubling of a run time: each is 9 % wide. */
const BUCKETS_PER_DOUBLING = 8;

/** Of a histogram with so many runs the counts are halved: what was long ago counts for less and less. */
const RUNS_KEPT = 1_024;

/** Up to so many runs each is counted; of twice as many every other, which counts twice, and so on: so a record is written ever more rarely. */
const RUNS_COUNTED = 64;

/** How attempts like those of a job have ended. */
interface Observed {
  readonly ended: number;
  readonly cut: number;
}

export class Histogram {
  readonly buckets = new Map<number, Observed>();
  /** Attempts that ended by themselves. */
  ended = 0;
  #cut = 0;

  get #count(): number {
    return this.ended + this.#cut;
  }

  /** How many runs the next one that is counted stands for. */
  get weight(): number {
    return 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, this.#count / RUNS_COUNTED))));
  }

  add(value: number, isCut: boolean, times: number): void {
    const bucket = bucketOf(value);
    const { ended, cut } = this.buckets.get(bucket) ?? NONE;
    this.buckets.set(bucket, isCut ? { ended, cut: cut + times } : { ended: ended + times, cut });
    if (isCut) this.#cut += times;
    else this.ended += times;
    if (this.#count > RUNS_KEPT) this.#halve();
  }

  load(counts: RunTimeRecord['counts']): void {
    for (const [bucket, ended, cut] of counts) {
      this.buckets.set(bucket, { ended, cut });
      this.ended += ended;
      this.#cut += cut;
    }
  }

  get counts(): RunTimeRecord['counts'] {
    return Array.from(this.buckets, ([bucket, { ended, cut }]) => [bucket, ended, cut] as const);
  }

  #halve(): void {
    [this.ended, this.#cut] = [0, 0];
    for (const [bucket, { ended, cut }] of this.buckets) {
      const half = { ended: ended / 2, cut: cut / 2 };
      if (half.ended + half.cut < 1 / 8) this.buckets.delete(bucket);
      else this.buckets.set(bucket, half);
      this.ended += this.buckets.has(bucket) ? half.ended : 0;
      this.#cut += this.buckets.has(bucket) ? half.cut : 0;
    }
  }
}

const NONE: Observed = { ended: 0, cut: 0 };

const bucketOf = (value: number): number => Math.floor(BUCKETS_PER_DOUBLING * Math.log2(Math.max(1, value)));

/** Where a bucket begins. */
export const bucketStart = (bucket: number): number => 2 ** (bucket / BUCKETS_PER_DOUBLING);

/** A run time as a part of the longest that the owner allows is counted in millionths. */
const OF_LIMIT = 1_000_000;

/** A job as far as its run times go. */
export type RunsAs = Pick<JobRecord, 'spec' | 'classKey' | 'attempt'>;

/** One of the histograms that say something of a job: what a value is in its unit, and how long that is. */
export interface Likeness {
  readonly key: string;
  /** Milliseconds of one unit. */
  readonly unitMs: number;
}

/**
 * The histograms that say something of a job, the closest first: where its owner states its work, parts of that, of its queue and of all queues; then jobs
 * of its class by its option, of its queue, and of all queues. In the two last, run times are compared as parts of the longest that owners allow,
 * where they say so.
 */
export function likenessesOf(job: RunsAs): readonly Likeness[] {
  const { spec, attempt } = job;
  const { durationMaxMs } = spec.limits;
  const unitMs = durationMaxMs === null ? 1 : durationMaxMs / OF_LIMIT;
  const unit = durationMaxMs === null ? 'ms' : 'of_limit';
  const statedMs = statedRunMs(job);
  return [
    ...(statedMs === undefined ? [] : inQueueAndAll(spec.queue, 'of_work', statedMs / OF_LIMIT)),
    { key: optionKey(job, attempt?.option ?? 0), unitMs: 1 },
    ...inQueueAndAll(spec.queue, unit, unitMs),
  ];
}

const inQueueAndAll = (queue: string, unit: string, unitMs: number): readonly Likeness[] =>
  [queue, null].map((name) => ({ key: JSON.stringify([name, unit]), unitMs }));

/** How long an attempt runs by what its owner states of its work. */
function statedRunMs({ spec, attempt }: RunsAs): number | undefined {
  if (spec.workMs === undefined) return undefined;
  const option = attempt?.option ?? 0;
  const nodes = attempt?.placement.slots.length ?? spec.options[option]?.nodes.min ?? 1;
  const stated = runEstimate(runTermsOf(spec), option, nodes);
  return stated?.source === 'stated' && stated.runMs > 0 ? stated.runMs : undefined;
}

/** How long attempts have run: what is known of when those that run will end. No decision depends on it. */
export class RunTimes {
  readonly #decide: (decision: CellDecision) => void;
  readonly #byKey = new Map<string, Histogram>();

  constructor(decide: (decision: CellDecision) => void) {
    this.#decide = decide;
  }

  find(key: string): Histogram | undefined {
    return this.#byKey.get(key);
  }

  load(records: readonly RunTimeRecord[]): void {
    for (const { key, counts } of records) {
      const histogram = new Histogram();
      histogram.load(counts);
      this.#byKey.set(key, histogram);
    }
  }

  forgetQueue(name: string): void {
    for (const key of this.#byKey.keys()) if (isOfQueue(key, name)) this.#forget(key);
  }

  /** An attempt of a job has ended after so long: by itself, or because it was taken away. Which are counted depends on the job alone. */
  observe(job: JobRecord, ranMs: number, isCut: boolean): void {
    for (const { key, unitMs } of likenessesOf(job)) {
      const histogram = this.#byKey.get(key) ?? new Histogram();
      const { weight } = histogram;
      if (weight > 1 && chance(0, job.sequence, job.fence) * weight >= 1) continue;
      this.#byKey.set(key, histogram);
      histogram.add(ranMs / unitMs, isCut, weight);
      this.#decide({ kind: 'save_run_times', key, counts: histogram.counts });
    }
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > HISTOGRAMS_MAX && oldest !== undefined) this.#forget(oldest);
  }

  #forget(key: string): void {
    this.#byKey.delete(key);
    this.#decide({ kind: 'save_run_times', key, counts: null });
  }
}
