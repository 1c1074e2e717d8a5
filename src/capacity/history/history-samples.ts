import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { HistoryBody, HistoryQuery } from '../../contract/planning/history.ts';
import { ok } from '../../kernel/result.ts';
import type { CsvRecord } from '../../kernel/csv-records.ts';
import { historyRecords } from './history-records.ts';
import type { HistoryColumns } from './history-columns.ts';
import { columnsOf } from './history-columns.ts';
import { historyTimeMs, TIME_FORMATS } from './history-time.ts';
import { TimeZone } from './time-zone.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';

/** Where a sample stands in what was sent, for refusals. */
export interface SamplePlace {
  readonly path: FieldPath;
  /** Such as `line 3, column "value": `; empty where the path says it all. */
  readonly words: string;
}

export interface HistorySample {
  readonly atMs: number;
  /** Undefined: unknown. */
  readonly value: number | undefined;
  readonly place: () => SamplePlace;
}

export interface HistorySamples {
  readonly zone: TimeZone;
  /** By the name of the series; rows without one are of the series that is named as the column of values. */
  readonly series: ReadonlyMap<string, readonly HistorySample[]>;
  readonly totalRows: number;
}

type Terms = Pick<HistoryQuery, 'zone' | 'time_column' | 'value_column' | 'series_column'>;

/**
 * The samples of a history as it was sent. Refuses a row whose time or value is none, by its line or position, the column, what it has and what it may have;
 * nothing is passed over but rows of totals, which are counted. [K25]
 */
export function historySamples({ csv, rows }: HistoryBody, terms: Terms, nowMs: number): Outcome<HistorySamples> {
  const zone = TimeZone.of(terms.zone);
  if (zone === undefined)
    return refuse('invalid_value', 'is no time zone: give a name such as Europe/Berlin, or a distance from UTC such as +02:00', 'zone');
  const reader = new SampleReader(zone, nowMs);
  if (csv !== undefined) return fromCsv(csv, terms, reader);
  for (const [position, { time, value, series = UNNAMED }] of (rows ?? []).entries()) {
    const added = reader.add(series, time, value ?? undefined, (column) => ({ path: ['rows', position, column], words: '' }));
    if (!added.ok) return added;
  }
  return ok(reader.samples(0));
}

/** The series of rows that name none. */
const UNNAMED = 'history';

function fromCsv(csv: string, terms: Terms, reader: SampleReader): Outcome<HistorySamples> {
  const read = historyRecords(csv);
  if (!read.ok) return read;
  const { records, delimiter } = read.value;
  const columns = columnsOf(records, terms, reader.zone);
  if (!columns.ok) return columns;
  const unnamed = columns.value.header[columns.value.value] ?? '';
  let totals = 0;
  for (const record of records.slice(1)) {
    const row = rowOf(record, columns.value, delimiter);
    if (!row.ok) return row;
    if (TOTAL.test(row.value.time)) {
      totals += 1;
      continue;
    }
    const { name, time, amount, placeOf } = row.value;
    const added = reader.add(name === '' ? unnamed : name, time, amount, placeOf);
    if (!added.ok) return added;
  }
  return ok(reader.samples(totals));
}

interface CsvRow {
  readonly name: string;
  readonly time: string;
  readonly amount: number | undefined;
  readonly placeOf: (column: 'time' | 'value') => SamplePlace;
}

function rowOf({ line, fields }: CsvRecord, columns: HistoryColumns, delimiter: string): Outcome<CsvRow> {
  const { header } = columns;
  if (fields.length !== header.length)
    return refuse('invalid_value', `line ${line} has ${fields.length} fields; the header has ${header.length}`, 'csv');
  const placeOf = (column: 'time' | 'value'): SamplePlace => ({
    path: ['csv'],
    words: `line ${line}, column ${shown(header[columns[column]] ?? '')}: `,
  });
  const text = fields[columns.value] ?? '';
  const amount = amountOf(text, delimiter);
  if (amount === null)
    return refusedAt(placeOf('value'), `has ${shown(text)}, which is no number: write it as 1234.5, or nothing where it is unknown`);
  const name = columns.series === undefined ? '' : (fields[columns.series] ?? '').trim();
  if (name.length > PLANNING_LIMITS.historyNameCharsMax)
    return refuseBeyond({
      path: 'csv',
      limit: 'historyNameCharsMax',
      value: name.length,
      what: `line ${line} names a series in ${name.length} characters`,
    });
  return ok({ name, time: fields[columns.time] ?? '', amount, placeOf });
}

/** Such as the row `Service total` of AWS Cost Explorer. */
const TOTAL = /(?:^|\s)total$/i;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Undefined: an empty field; null: no number. Files with semicolons have decimal commas, as spreadsheets write them where a comma is the decimal sign. */
function amountOf(field: string, delimiter: string): number | undefined | null {
  const text = field.trim();
  if (text === '') return undefined;
  const plain = delimiter === ';' && /^[+-]?\d+,\d+$/.test(text) ? text.replace(',', '.') : text;
  return NUMBER.test(plain) ? Number(plain) : null;
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 64));

export const refusedAt = ({ path, words }: SamplePlace, what: string): Outcome<never> => refuse('invalid_value', `${words}${what}`, path);

/** Earlier ones are numbers that are no times, such as positions. */
const FIRST_MS = Date.UTC(1971, 0, 1);

/** Checks samples one by one, and keeps them by series. */
class SampleReader {
  readonly zone: TimeZone;
  readonly #nowMs: number;
  readonly #series = new Map<string, HistorySample[]>();

  constructor(zone: TimeZone, nowMs: number) {
    this.zone = zone;
    this.#nowMs = nowMs;
  }

  add(name: string, time: string | number, value: number | undefined, placeOf: (column: 'time' | 'value') => SamplePlace): Outcome<void> {
    const atMs = historyTimeMs(time, this.zone);
    const told = typeof time === 'string' ? shown(time) : String(time);
    if (atMs === undefined) return refusedAt(placeOf('time'), `has ${told}, which is no time: write ${TIME_FORMATS}`);
    if (atMs < FIRST_MS) return refusedAt(placeOf('time'), `has ${told}, which is before 1971`);
    if (atMs > this.#nowMs) return refusedAt(placeOf('time'), `has ${told}, which is later than now: a history has what was`);
    if (value !== undefined && !(value >= 0 && value <= Number.MAX_SAFE_INTEGER))
      return refusedAt(placeOf('value'), `has ${value}; it must be from 0 to ${Number.MAX_SAFE_INTEGER}`);
    const samples = this.#series.get(name) ?? [];
    if (samples.length === 0) this.#series.set(name, samples);
    if (this.#series.size > PLANNING_LIMITS.historySeriesMaxCount) {
      const { path, words } = placeOf('time');
      return refuseBeyond({
        path,
        limit: 'historySeriesMaxCount',
        what: `${words}begins one series more`,
        advice: 'send some of them at a time',
      });
    }
    samples.push({ atMs, value, place: () => placeOf('time') });
    return ok(undefined);
  }

  samples(totalRows: number): HistorySamples {
    return { zone: this.zone, series: this.#series, totalRows };
  }
}
