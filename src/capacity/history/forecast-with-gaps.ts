import type { SeriesShape } from '../forecast/forecast-methods.ts';
import type { SeriesForecast } from '../forecast/series-forecast.ts';
import { forecastSeries, stepsNeeded } from '../forecast/series-forecast.ts';

/**
 * Continues a series that is not known everywhere, from its end on. A step that is unknown takes the value of a season before, so that methods have whole
 * seasons, and counts for no trial; those at the end are forecast and left out of the answer. Unknown steps are none that a forecast needs. [K27]
 */
export function forecastWithGaps(
  values: readonly (number | undefined)[],
  shape: SeriesShape,
  steps: number,
  level: number,
): SeriesForecast {
  const known = values.filter((value) => value !== undefined).length;
  if (known < stepsNeeded(shape)) return { kind: 'not_enough_data', steps: known, stepsNeeded: stepsNeeded(shape) };
  const end = values.findLastIndex((value) => value !== undefined) + 1;
  const behind = values.length - end;
  const filled: number[] = [];
  for (const [at, value] of values.slice(0, end).entries()) filled.push(value ?? filled[at - shape.season] ?? filled[at - 1] ?? 0);
  const made = forecastSeries(filled, shape, behind + steps, level, (at) => values[at] !== undefined);
  if (made.kind === 'not_enough_data') return { ...made, steps: known };
  return { ...made, points: made.points.slice(behind) };
}
