import { describe, expect, it } from 'vitest';

import { historyRecords } from '../../../src/capacity/history/history-records.ts';
import { historySamples } from '../../../src/capacity/history/history-samples.ts';
import { PLANNING_LIMITS } from '../../../src/contract/planning/planning-limits.ts';

const NOW_MS = Date.UTC(2026, 5, 1);

type Terms = Parameters<typeof historySamples>[1];

const read = (csv: string, terms: Partial<Terms> = {}) =>
  historySamples(
    { csv, rows: undefined },
    { zone: 'UTC', time_column: undefined, value_column: undefined, series_column: undefined, ...terms },
    NOW_MS,
  );

/** Series by name: times as ISO 8601 up to minutes, and values. */
function seriesIn(csv: string, terms: Partial<Terms> = {}) {
  const samples = read(csv, terms);
  if (!samples.ok) throw new Error(samples.error.message);
  const shown = [...samples.value.series].map(([name, all]) => [
    name,
    all.map(({ atMs, value }) => [new Date(atMs).toISOString().slice(0, 16), value]),
  ]);
  return Object.fromEntries(shown) as Record<string, [string, number | undefined][]>;
}

function refusalOf(csv: string, terms: Partial<Terms> = {}) {
  const samples = read(csv, terms);
  if (samples.ok) throw new Error('it is refused');
  const { code, message, path, limit } = samples.error;
  return { code, message, path, limit };
}

const FIRST = ['2026-01-01T00:00', 1];

describe('exports of other tools', () => {
  it('[K25] Grafana: a stated delimiter, quoted names, times without a zone, gaps', () => {
    const csv = 'sep=,\r\n"Time","requests, all"\r\n2026-01-01 00:00:00,1\r\n2026-01-01 01:00:00,\r\n2026-01-01 02:00:00,2.5e3\r\n';
    expect(seriesIn(csv, { zone: 'Europe/Berlin' })).toEqual({
      'requests, all': [
        ['2025-12-31T23:00', 1],
        ['2026-01-01T00:00', undefined],
        ['2026-01-01T01:00', 2500],
      ],
    });
  });

  it('[K25] Grafana, older: semicolons, a column of series, milliseconds', () => {
    const csv = 'Series;Time;Value\nGET;1767225600000;1\nPOST;1767225600000;0,5\nGET;1767229200000;2\n';
    expect(seriesIn(csv, { series_column: 'series' })).toEqual({
      GET: [FIRST, ['2026-01-01T01:00', 2]],
      POST: [['2026-01-01T00:00', 0.5]],
    });
  });

  it('[K25] keeps rows without a series apart from one that is named as the column', () => {
    const csv = 'time,s,value\n2026-01-01,,1\n2026-01-01,x,2\n';
    expect(Object.keys(seriesIn(csv, { series_column: 's' }))).toEqual(['value', 'x']);
  });

  it('[K25] Prometheus: labels beside seconds with a fraction', () => {
    const csv = 'name,timestamp,value,job\nhttp_requests,1767225600.781,1,api\nhttp_requests,1767225615.781,2,api\n';
    expect(seriesIn(csv)).toEqual({ value: [FIRST, ['2026-01-01T00:00', 2]] });
  });

  it('[K25] AWS Cost Explorer: a column for each service, and a row of totals', () => {
    const csv =
      '"Service","EC2-Instances($)","S3($)","Total costs($)"\n"Service total","3.0","0.5","3.5"\n"2026-01-01","1","","1"\n"2026-01-02","2","0.5","2.5"\n';
    expect(seriesIn(csv, { value_column: 'total costs($)' })).toEqual({ 'Total costs($)': [FIRST, ['2026-01-02T00:00', 2.5]] });
    expect(read(csv, { value_column: 'S3($)' })).toMatchObject({ value: { totalRows: 1 } });
    expect(refusalOf(csv)).toMatchObject({ path: ['value_column'], message: expect.stringContaining('"S3($)"') });
  });

  it('[K25] spreadsheets: a byte order mark, CRLF, blank lines, quotes and line ends within fields', () => {
    const csv = '\uFEFFDate,Note,Count\r\n2026-01-01,"said ""yes"",\r\nthen no",1\r\n\r\n2026-01-02,,2';
    expect(seriesIn(csv)).toEqual({ Count: [FIRST, ['2026-01-02T00:00', 2]] });
    expect(historyRecords(csv)).toMatchObject({
      value: { records: [{ line: 1 }, { line: 2, fields: ['2026-01-01', 'said "yes",\r\nthen no', '1'] }, { line: 5 }] },
    });
    expect(seriesIn('day\tn\r2026-01-01\t1\r')).toEqual({ n: [FIRST] });
  });
});

describe('what is no history', () => {
  it.each([
    ['date,value\n2026-01-01,1\n2026-01-02,-3\n', 'line 3, column "value": has -3; it must be from 0'],
    ['date,value\n2026-01-01,NaN\n', 'line 2, column "value": has "NaN", which is no number'],
    ['date,value\n2026-01-01,1e999\n', 'line 2, column "value": has Infinity; it must be from 0'],
    ['date,value\n2026-01-01,"1,200"\n', 'line 2, column "value": has "1,200", which is no number'],
    ['date,value\n01/02/2026,1\n', 'line 2, column "date": has "01/02/2026", which is no time'],
    ['date,value\n7,1\n', 'line 2, column "date": has "7", which is before 1971'],
    ['date,value\n2026-06-02,1\n', 'line 2, column "date": has "2026-06-02", which is later than now'],
    ['date,value\n2026-01-01,1,2\n', 'line 2 has 3 fields; the header has 2'],
    ['date,value\n2026-01-01,1\n2026-01-02\n', 'line 3 has 1 fields; the header has 2'],
    ['date,value\n"2026-01-01,1\n', 'line 2 has a quoted field that does not end'],
    ['date,value\n"2026-01-01"x,1\n', 'line 2 has text behind a quoted field'],
    ['date,value\n2026-01-01,1"\n', 'line 2 has a quote within a field'],
    ['2026-01-01,1\n2026-01-02,2\n', 'line 1 has no names of columns'],
    ['date\n2026-01-01\n', 'line 1 has one column'],
    ['date,value\n', 'has no rows'],
    ['\n\n', 'has no rows'],
  ])('[K25] %j is refused by its line', (csv, message) => {
    const refused = refusalOf(csv);
    expect(refused).toMatchObject({ code: 'invalid_value', path: ['csv'] });
    expect(refused.message).toContain(message);
  });

  it('[K25] names columns that there are not, twice, or for two things', () => {
    const csv = 'at,n,N,m\n2026-01-01,1,2,3\n';
    expect(refusalOf(csv, { value_column: 'x' })).toMatchObject({
      path: ['value_column'],
      message: 'names no column: the header has ["at","n","N","m"]',
    });
    expect(refusalOf(csv, { value_column: 'n' })).toMatchObject({ path: ['value_column'], message: 'names two columns of the header' });
    expect(refusalOf(csv, { value_column: 'at' })).toMatchObject({ message: 'names a column that is read as another' });
    expect(refusalOf(csv, { value_column: 'm', zone: 'Berlin' })).toMatchObject({ path: ['zone'] });
  });

  it('[K29] has more rows, columns or series than are read, by the name of the limit', () => {
    const { historyRowsMaxCount: rows, historySeriesMaxCount: series, historyColumnsMaxCount: columns } = PLANNING_LIMITS;
    const lines = (count: number) => `date,value\n${'2026-01-01,1\n'.repeat(count)}`;
    expect(historyRecords(lines(rows)).ok).toBe(true);
    expect(refusalOf(lines(rows + 1))).toMatchObject({ code: 'limit_exceeded', limit: { name: 'historyRowsMaxCount', bound: rows } });
    const ofSeries = (count: number) => `date,s,value\n${Array.from({ length: count }, (_, one) => `2026-01-01,s${one},1\n`).join('')}`;
    expect(Object.keys(seriesIn(ofSeries(series), { series_column: 's' }))).toHaveLength(series);
    expect(refusalOf(ofSeries(series + 1), { series_column: 's' })).toMatchObject({ limit: { name: 'historySeriesMaxCount' } });
    expect(refusalOf(`${'x,'.repeat(columns)}y\n`)).toMatchObject({ limit: { name: 'historyColumnsMaxCount' } });
  });
});
