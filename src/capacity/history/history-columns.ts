import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { HistoryQuery } from '../../contract/planning/history.ts';
import { ok } from '../../kernel/result.ts';
import type { CsvRecord } from '../../kernel/csv-records.ts';
import { historyTimeMs } from './history-time.ts';
import type { TimeZone } from './time-zone.ts';

/** Positions of the columns that are read. */
export interface HistoryColumns {
  readonly header: readonly string[];
  readonly time: number;
  readonly value: number;
  /** Undefined: all rows are of one series. */
  readonly series: number | undefined;
}

/** Of tools whose exports were looked at: Grafana, Prometheus, billing exports, data frames. */
const TIME_NAMES = ['time', 'timestamp', 'date', 'datetime', 'ds', 'day', 'hour', 'week', 'usage_date', 'usagestartdate'];
const VALUE_NAMES = ['value', 'y', 'count', 'amount', 'quantity', 'total'];

/**
 * The columns that the caller names, by their names in the header whatever their case; else those that are named as is usual, the first one for times, and the
 * only one that is left for values. Refuses a header that does not tell. [K25]
 */
export function columnsOf(
  records: readonly CsvRecord[],
  {
    time_column: timeName,
    value_column: valueName,
    series_column: seriesName,
  }: Pick<HistoryQuery, 'time_column' | 'value_column' | 'series_column'>,
  zone: TimeZone,
): Outcome<HistoryColumns> {
  const [first, ...rows] = records;
  if (first === undefined || rows.length === 0) return refuse('invalid_value', 'has no rows behind a header', 'csv');
  const header = first.fields.map((field) => field.trim());
  if (header.length < 2)
    return refuse(
      'invalid_value',
      `line ${first.line} has one column: a history has times and values, with , or ; or a tab between`,
      'csv',
    );
  if (header.some((field) => field !== '' && historyTimeMs(field, zone) !== undefined))
    return refuse('invalid_value', `line ${first.line} has no names of columns: begin with a header, such as time,value`, 'csv');
  const keys = header.map((field) => field.toLowerCase());
  const given = { time_column: timeName, value_column: valueName, series_column: seriesName };
  const positions = { time_column: -1, value_column: -1, series_column: -1 };
  for (const option of ['time_column', 'value_column', 'series_column'] as const) {
    const name = given[option];
    if (name === undefined) continue;
    const key = name.trim().toLowerCase();
    if (keys.filter((one) => one === key).length > 1) return refuse('invalid_value', 'names two columns of the header', option);
    positions[option] = keys.indexOf(key);
    if (positions[option] === -1) return refuse('invalid_value', `names no column: the header has ${shown(header)}`, option);
  }
  const { series_column: series } = positions;
  const time = positions.time_column === -1 ? orFirst(namedOf(keys, TIME_NAMES)) : positions.time_column;
  const value = positions.value_column === -1 ? valueOf(keys, [time, series]) : positions.value_column;
  if (value === undefined)
    return refuse(
      'invalid_value',
      `is needed: values may be in any of ${shown(header.filter((_, at) => at !== time && at !== series))}`,
      'value_column',
    );
  if (new Set([time, value, series]).size < 3) return refuse('invalid_value', 'names a column that is read as another', 'value_column');
  return ok({ header, time, value, series: series === -1 ? undefined : series });
}

const namedOf = (keys: readonly string[], names: readonly string[]): number =>
  keys.indexOf(names.find((name) => keys.includes(name)) ?? '\0');

const orFirst = (position: number): number => Math.max(0, position);

function valueOf(keys: readonly string[], taken: readonly number[]): number | undefined {
  const named = namedOf(keys, VALUE_NAMES);
  if (named !== -1 && !taken.includes(named)) return named;
  const left = keys.map((_, at) => at).filter((at) => !taken.includes(at));
  return left.length === 1 ? left[0] : undefined;
}

const shown = (names: readonly string[]): string => JSON.stringify(names.slice(0, 20).map((name) => name.slice(0, 64)));
