import type { JobSpec } from '../model/job-spec.ts';
import type { JobRecord } from './job-record.ts';

/** Arrivals remembered: they share what they are with the jobs that came. */
const ARRIVALS_MAX = 256;

interface Arrival {
  readonly atMs: number;
  readonly spec: JobSpec;
  readonly classKey: string;
}

/** The jobs that came last, and when: what may come next. Not stored: a cell that was lost knows those that are unfinished. No decision depends on it. */
export class RecentArrivals {
  #ring: Arrival[] = [];

  note({ spec, classKey }: Pick<JobRecord, 'spec' | 'classKey'>, atMs: number): void {
    this.#ring.push({ atMs, spec, classKey });
    if (this.#ring.length >= 2 * ARRIVALS_MAX) this.#ring = this.#ring.slice(-ARRIVALS_MAX);
  }

  /** Oldest first. */
  get last(): readonly Arrival[] {
    return this.#ring.slice(-ARRIVALS_MAX);
  }
}

/**
 * Jobs that may come from now on: those that came last, in their order and at their distances, from one of them on, chosen by `chance`, and again
 * from the first after the last. So bursts stay bursts. (A moving-block bootstrap; Kunsch, Annals of Statistics 17, 1989.)
 */
export function* comingArrivals<One extends Arrival>(recent: readonly One[], nowMs: number, chance: () => number): Generator<One, void> {
  const count = recent.length;
  if (count < 2) return;
  // After the last, nothing has come up to now.
  const gaps = recent.map(({ atMs }, at) => (recent[at + 1]?.atMs ?? Math.max(nowMs, atMs)) - atMs);
  if (gaps.every((gap) => gap === 0)) return;
  let at = Math.floor(chance() * count);
  let time = nowMs + (gaps[at] ?? 0) * chance();
  for (;;) {
    at = (at + 1) % count;
    const arrival = recent[at];
    if (arrival === undefined) return;
    yield { ...arrival, atMs: time };
    time += gaps[at] ?? 0;
  }
}
