import type { ForecastResource } from '../../contract/planning/capacity.ts';
import { FORECAST_RESOURCES } from '../../contract/planning/capacity.ts';
import type { Consumed } from '../../contract/tenancy/quota-terms.ts';
import { COUNTER_OF } from '../../tenancy/quota/amounts.ts';
import type { UsageLine } from '../../tenancy/usage/usage-query.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

/** What was used in each whole step, from the first one with any use to `endMs`, where the steps end. */
export interface UsageSeries {
  readonly stepMs: number;
  readonly endMs: number;
  readonly values: readonly number[];
}

/** What quotas count, and one type of accelerator where a rule is of it. */
export type UsageKey = ForecastResource | Consumed | `accelerator_ms:${string}`;

/** The sums of the ledger as series, by resource. */
export class UsageHistory {
  readonly #sums = new Map<UsageKey, Map<number, number>>();
  readonly #stepMs: number;
  readonly #endMs: number;
  readonly #beginMs: number;

  /** Lines by day or hour. The step that has not ended is left out: it would look like a fall. */
  constructor(lines: readonly UsageLine[], step: 'day' | 'hour', fromMs: number, nowMs: number) {
    this.#stepMs = step === 'day' ? DAY_MS : HOUR_MS;
    this.#endMs = Math.floor(nowMs / this.#stepMs) * this.#stepMs;
    this.#beginMs = Math.ceil(fromMs / this.#stepMs) * this.#stepMs;
    for (const line of lines) this.#add(line, line.group[step] ?? 0);
  }

  /** Resources of which anything was used. */
  resources(): ForecastResource[] {
    return FORECAST_RESOURCES.filter((resource) => this.#sums.has(resource));
  }

  series(key: UsageKey): UsageSeries {
    const sums = this.#sums.get(key) ?? new Map<number, number>();
    const firstMs = Math.max(this.#beginMs, Math.min(this.#endMs, ...[...sums.keys()].map((at) => at * this.#stepMs)));
    const count = Math.max(0, (this.#endMs - firstMs) / this.#stepMs);
    const first = firstMs / this.#stepMs;
    return {
      stepMs: this.#stepMs,
      endMs: this.#endMs,
      values: Array.from({ length: count }, (_, position) => sums.get(first + position) ?? 0),
    };
  }

  /** What was used in the step that has not ended, as far as it is known. */
  sinceEnd(key: UsageKey): number {
    return this.#sums.get(key)?.get(this.#endMs / this.#stepMs) ?? 0;
  }

  /** What was used from then on, which is the start of a step. */
  since(key: UsageKey, fromMs: number): number {
    return [...(this.#sums.get(key) ?? [])].reduce((sum, [at, units]) => (at * this.#stepMs >= fromMs ? sum + units : sum), 0);
  }

  #add({ meter, accelerator, quantity, amountNano }: UsageLine, at: number): void {
    const counter = COUNTER_OF[meter];
    // A meter may have the name of its counter.
    const keys = new Set<UsageKey>([meter, ...(counter === undefined ? [] : [counter])]);
    for (const key of keys) this.#count(key, at, quantity);
    if (meter === 'accelerator_ms' && accelerator !== '') this.#count(`accelerator_ms:${accelerator}`, at, quantity);
    this.#count('spend_nano', at, Number(amountNano));
  }

  #count(key: UsageKey, at: number, units: number): void {
    const sums = this.#sums.get(key) ?? new Map<number, number>();
    sums.set(at, (sums.get(at) ?? 0) + units);
    this.#sums.set(key, sums);
  }
}

/** The same use by both. */
export interface Histories {
  readonly day: UsageHistory;
  readonly hour: UsageHistory;
}
