import type { JobRecord } from './job-record.ts';
import type { CellDecision } from './records.ts';

/** Classes remembered: some 500 bytes each. The one that was first seen longest ago goes first. */
const CLASSES_MAX = 10_000;

/** The longest that jobs of a class have taken, as far as has been seen; rounded up by at most an eighth, so that it changes rarely. */
export class Durations {
  readonly #decide: (decision: CellDecision) => void;
  readonly #longestMs = new Map<string, number>();

  constructor(decide: (decision: CellDecision) => void) {
    this.#decide = decide;
  }

  /** Of a class, or of those of it that ran by one option; undefined when none has been seen to end. */
  of(classKey: string): number | undefined {
    return this.#longestMs.get(classKey);
  }

  load(durations: readonly { readonly classKey: string; readonly longestMs: number }[]): void {
    for (const { classKey, longestMs } of durations) this.#longestMs.set(classKey, longestMs);
  }

  forgetQueue(name: string): void {
    for (const classKey of this.#longestMs.keys()) {
      if (!isOfQueue(classKey, name)) continue;
      this.#longestMs.delete(classKey);
      this.#decide({ kind: 'save_duration', classKey, longestMs: null });
    }
  }

  /** Takes note of a job that was done after so long. Answers of which classes something else is known now. */
  observe(classKey: string, durationMs: number): readonly string[] {
    const longestMs = roundedUp(durationMs);
    if (longestMs <= (this.of(classKey) ?? 0)) return [];
    this.#longestMs.set(classKey, longestMs);
    this.#decide({ kind: 'save_duration', classKey, longestMs });
    const [oldest] = this.#longestMs.keys();
    if (this.#longestMs.size <= CLASSES_MAX || oldest === undefined) return [classKey];
    this.#longestMs.delete(oldest);
    this.#decide({ kind: 'save_duration', classKey: oldest, longestMs: null });
    return [classKey, oldest];
  }
}

/** Whether the jobs of a class are of a queue, which their key begins with (`equivalenceKey`). */
export const isOfQueue = (classKey: string, name: string): boolean =>
  classKey.startsWith(`[${JSON.stringify(name)},`, /^\d+ /.exec(classKey)?.[0].length ?? 0);

/** Of the jobs of a class that ran by an option, where it has several. */
export const optionKey = ({ spec, classKey }: Pick<JobRecord, 'spec' | 'classKey'>, option: number): string =>
  spec.options.length === 1 ? classKey : keyOf(classKey, option);

function roundedUp(durationMs: number): number {
  const step = 2 ** Math.max(0, 28 - Math.clz32(Math.min(durationMs, 2 ** 31)));
  return Math.ceil(Math.max(1, durationMs) / step) * step;
}

/** Rates remembered: some 500 bytes each. The one that was first seen longest ago goes first. */
const RATES_MAX = 10_000;

/** How much the newest report counts: as in Gavel (`EMA_ALPHA`), the last two weigh three quarters. */
const NEWEST_WEIGHT = 0.5;

/** What was seen of how much jobs of a class do, by the option they run by: a moving average of what they report. */
export class Throughputs {
  readonly #decide: (decision: CellDecision) => void;
  readonly #rates = new Map<string, number>();

  constructor(decide: (decision: CellDecision) => void) {
    this.#decide = decide;
  }

  /** Thousandths of the job's unit of work that one node does in an hour; undefined when nothing has been reported. */
  of(classKey: string, option: number): number | undefined {
    return this.#rates.get(keyOf(classKey, option));
  }

  load(rates: readonly { readonly key: string; readonly milliPerHour: number }[]): void {
    for (const { key, milliPerHour } of rates) this.#rates.set(key, milliPerHour);
  }

  forgetQueue(name: string): void {
    for (const key of this.#rates.keys()) {
      if (!isOfQueue(key, name)) continue;
      this.#rates.delete(key);
      this.#decide({ kind: 'save_throughput', key, milliPerHour: null });
    }
  }

  observe(classKey: string, option: number, milliPerHour: number): void {
    const before = this.of(classKey, option);
    const after = Math.round(before === undefined ? milliPerHour : before + NEWEST_WEIGHT * (milliPerHour - before));
    if (after === before) return;
    this.#save(keyOf(classKey, option), after);
    const [oldest] = this.#rates.keys();
    if (this.#rates.size <= RATES_MAX || oldest === undefined) return;
    this.#rates.delete(oldest);
    this.#decide({ kind: 'save_throughput', key: oldest, milliPerHour: null });
  }

  #save(key: string, milliPerHour: number): void {
    this.#rates.set(key, milliPerHour);
    this.#decide({ kind: 'save_throughput', key, milliPerHour });
  }
}

const keyOf = (classKey: string, option: number): string => `${option} ${classKey}`;
