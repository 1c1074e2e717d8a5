import type { CellDecision } from '../machine/decision.ts';

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
