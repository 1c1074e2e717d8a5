import type { Seeded } from '../../../kernel/seeded.ts';
import type { Cell } from '../cell/cell.ts';
import { optionKey } from '../cell/observations.ts';
import type { Histogram, Likeness, RunsAs } from '../cell/run-times.ts';
import { bucketStart, likenessesOf } from '../cell/run-times.ts';

/**
 * So many runs of a class weigh as much as all that is known of other jobs: the fewer there are, the more often a run time is drawn from those
 * of the queue, and of all queues.
 */
const CREDIBLE_COUNT = 4;

/** The chance that an attempt ends within a bucket, and how likely it is to last until there: a Kaplan-Meier estimate (JASA 53, 1958). */
interface Survival {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** The part of all that last to the end of each bucket. */
  readonly left: Float64Array;
  readonly ended: number;
  /** How long those have lasted that run for longer than any was seen to end. */
  readonly beyond: readonly number[];
}

/**
 * Draws run times of attempts as those of jobs like them were. Attempts that were taken away, and those that run, count as lasting at least as
 * long as they have: were they left out, only short runs would be known of a class whose long ones have not ended yet.
 */
export class RunTimeSampler {
  readonly #cell: Cell;
  readonly #rng: Seeded;
  readonly #survivals = new Map<string, Survival | null>();
  readonly #running = new Map<string, number[]>();
  /** Which histogram stands for the jobs of a class in the sample under way: what is not known of a class is so for all of its jobs at once. */
  #chosen = new Map<string, { readonly at: number; readonly survival: Survival } | null>();

  constructor(cell: Cell, rng: Seeded, nowMs: number) {
    this.#cell = cell;
    this.#rng = rng;
    for (const id of cell.jobs.placed) {
      const job = cell.jobs.get(id);
      const fromMs = job.attempt?.runningAtMs ?? job.attempt?.startedAtMs;
      if (fromMs == null) continue;
      for (const { key, unitMs } of likenessesOf(job)) {
        const ages = this.#running.get(key) ?? [];
        ages.push((nowMs - fromMs) / unitMs);
        this.#running.set(key, ages);
      }
    }
  }

  nextSample(): void {
    this.#chosen = new Map();
  }

  /** How many attempts like those of a job have been seen to end: of its class, else of its queue, else of all. */
  seenOf(job: RunsAs): number {
    for (const { key } of likenessesOf(job)) {
      const ended = this.#cell.runTimes.find(key)?.ended ?? 0;
      if (ended > 0) return ended;
    }
    return 0;
  }

  /** How long an attempt of a job may run in all that has run for `ageMs`; Infinity where nothing limits it and nothing is known. */
  runMs(job: RunsAs, ageMs: number): number {
    const { durationMaxMs } = job.spec.limits;
    const limitMs = durationMaxMs ?? Infinity;
    const chosen = this.#choose(job);
    const drawn =
      chosen === null
        ? this.#unknown(limitMs, ageMs)
        : this.#draw(chosen.survival, ageMs / chosen.likeness.unitMs) * chosen.likeness.unitMs;
    return Math.max(ageMs, Math.min(drawn, limitMs));
  }

  #choose(job: RunsAs): { readonly likeness: Likeness; readonly survival: Survival } | null {
    const likenesses = likenessesOf(job);
    const key = `${likenesses.length} ${classOf(job)}`;
    let chosen = this.#chosen.get(key);
    if (chosen === undefined) {
      chosen = this.#drawn(likenesses);
      this.#chosen.set(key, chosen);
    }
    // Jobs of a class may state different work.
    const likeness = chosen === null ? undefined : likenesses[chosen.at];
    return chosen === null || likeness === undefined ? null : { likeness, survival: chosen.survival };
  }

  #drawn(likenesses: readonly Likeness[]): { readonly at: number; readonly survival: Survival } | null {
    let chosen: { readonly at: number; readonly survival: Survival } | null = null;
    for (const [at, { key }] of likenesses.entries()) {
      const survival = this.#survivalOf(key);
      if (survival === null) continue;
      chosen = { at, survival };
      if (this.#rng.next() < survival.ended / (survival.ended + CREDIBLE_COUNT)) break;
    }
    return chosen;
  }

  #survivalOf(key: string): Survival | null {
    const known = this.#survivals.get(key);
    if (known !== undefined) return known;
    const histogram = this.#cell.runTimes.find(key);
    const survival = histogram === undefined || histogram.ended === 0 ? null : survivalOf(histogram, this.#running.get(key) ?? []);
    this.#survivals.set(key, survival);
    return survival;
  }

  /** Anything up to its limit is as likely as the other. */
  #unknown(limitMs: number, ageMs: number): number {
    return limitMs === Infinity ? Infinity : ageMs + this.#rng.next() * Math.max(0, limitMs - ageMs);
  }

  /** A value above `age`, by the chances of those that have lasted so long. */
  #draw({ starts, ends, left, beyond }: Survival, age: number): number {
    const count = left.length;
    let first = 0;
    while (first < count && (ends[first] ?? 0) <= age) first += 1;
    const before = first === 0 ? 1 : (left[first - 1] ?? 0);
    const from = within(before, left[first] ?? 0, starts[first] ?? age, ends[first] ?? age, age);
    const target = from * this.#rng.next();
    for (let bucket = first; bucket < count; bucket++) {
      if ((left[bucket] ?? 0) > target) continue;
      const start = Math.max(age, starts[bucket] ?? 0);
      return start + this.#rng.next() * ((ends[bucket] ?? 0) - start);
    }
    // Longer than any that was seen to end: as one of those that have lasted longer. By Pareto's law with exponent 1 each doubling has the chance of a half.
    return Math.max(age, this.#lasted(beyond), ends[count - 1] ?? 1) / Math.max(1e-6, this.#rng.next());
  }

  /** How long one of them has lasted, whichever. */
  #lasted(beyond: readonly number[]): number {
    return beyond[Math.floor(this.#rng.next() * beyond.length)] ?? 0;
  }
}

const classOf = (job: RunsAs): string => optionKey(job, job.attempt?.option ?? 0);

/** How many last to `age`, between the start and the end of a bucket. */
function within(before: number, after: number, start: number, end: number, age: number): number {
  if (age <= start || end <= start) return before;
  return before - ((before - after) * (age - start)) / (end - start);
}

function survivalOf({ buckets }: Histogram, ages: readonly number[]): Survival {
  const order = [...buckets.keys()].toSorted((a, b) => a - b);
  const cuts = [...ages].sort((a, b) => b - a);
  let atRisk = ages.length;
  for (const { ended, cut } of buckets.values()) atRisk += ended + cut;
  const [starts, ends, left] = [new Float64Array(order.length), new Float64Array(order.length), new Float64Array(order.length)];
  let survivors = 1;
  let all = 0;
  for (const [at, bucket] of order.entries()) {
    const { ended, cut } = buckets.get(bucket) ?? { ended: 0, cut: 0 };
    [starts[at], ends[at]] = [bucketStart(bucket), bucketStart(bucket + 1)];
    while (cuts.length > 0 && (cuts.at(-1) ?? 0) < bucketStart(bucket)) {
      cuts.pop();
      atRisk -= 1;
    }
    survivors *= atRisk <= 0 ? 0 : Math.max(0, 1 - ended / atRisk);
    left[at] = survivors;
    atRisk -= ended + cut;
    all += ended;
  }
  return { starts, ends, left, ended: all, beyond: cuts };
}
