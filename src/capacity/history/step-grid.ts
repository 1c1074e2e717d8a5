import type { HistoryStep } from '../../contract/planning/history.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';
import type { SeriesShape } from '../forecast/forecast-methods.ts';
import type { TimeZone } from './time-zone.ts';

/** Seasons: a day of hours, a week of days, and four weeks, as a year of weeks would need three years of them. */
export const SHAPE_OF = { hour: { season: 24 }, day: { season: 7 }, week: { season: 4 } } as const satisfies Record<
  HistoryStep,
  SeriesShape
>;

export const STEPS_A_DAY = { hour: 24, day: 1, week: 1 / 7 } as const satisfies Record<HistoryStep, number>;

/** Hours of UTC, days of a time zone, or weeks of seven of these: numbered steps, and the instants at which they begin. */
export class StepGrid {
  readonly step: HistoryStep;
  readonly #zone: TimeZone;
  /** The day that weeks begin with. */
  readonly #firstDay: number;

  private constructor(step: HistoryStep, zone: TimeZone, firstDay: number) {
    this.step = step;
    this.#zone = zone;
    this.#firstDay = firstDay;
  }

  /** Weeks begin on the weekday of that instant. */
  static from(step: HistoryStep, zone: TimeZone, firstMs: number): StepGrid {
    return new StepGrid(step, zone, Math.floor(zone.localMs(firstMs) / DAY_MS) % 7);
  }

  stepOf(atMs: number): number {
    if (this.step === 'hour') return Math.floor(atMs / HOUR_MS);
    const day = Math.floor(this.#zone.localMs(atMs) / DAY_MS);
    return this.step === 'day' ? day : Math.floor((day - this.#firstDay) / 7);
  }

  startMs(step: number): number {
    if (this.step === 'hour') return step * HOUR_MS;
    const day = this.step === 'day' ? step : step * 7 + this.#firstDay;
    return this.#zone.instantMs(day * DAY_MS);
  }
}
