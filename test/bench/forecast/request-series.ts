import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Counts of a public trace; see `derive-series.ts`. */
export interface ForecastTrace {
  readonly name: string;
  readonly step: 'day' | 'hour';
  readonly start: string;
  readonly values: readonly number[];
}

export const FORECAST_TRACES = JSON.parse(
  readFileSync(join(import.meta.dirname, 'request-series.json'), 'utf8'),
) as readonly ForecastTrace[];
