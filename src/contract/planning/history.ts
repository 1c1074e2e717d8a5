import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, tenantOrAdmin } from '../api/endpoint.ts';
import { exactlyOneOf } from '../api/presence.ts';
import { ceiling, FORECAST_RESOURCES, forecastQuery, seriesFields } from './capacity.ts';
import { PLANNING_LIMITS } from './planning-limits.ts';

/** The steps that a history may have. */
export const HISTORY_STEPS = ['hour', 'day', 'week'] as const;

export type HistoryStep = (typeof HISTORY_STEPS)[number];

const columnName = z.string().min(1).max(PLANNING_LIMITS.historyNameCharsMax);

const query = forecastQuery.extend({
  meter: z
    .enum(FORECAST_RESOURCES)
    .optional()
    .meta(
      about(
        'What the history is of: it goes on where what was measured begins, and is compared with the limits. Absent: it stands alone.',
        'requests',
      ),
    ),
  time_column: columnName
    .optional()
    .meta(about('The column of times. Absent: one that is named so, such as `time` or `date`, or the first one.', 'time')),
  value_column: columnName.optional().meta(about('The column of values. Absent: `value`, or the only one that is left.', 'value')),
  series_column: columnName.optional().meta(about('The column that says which series a row is of. Absent: all are of one.')),
  zone: z
    .string()
    .min(1)
    .max(64)
    .default('UTC')
    .meta(
      about(
        'Where days begin, and times without a zone are of: a name of the IANA database, or a distance from UTC such as `+02:00`.',
        'UTC',
      ),
    ),
  step: z.enum(HISTORY_STEPS).optional().meta(about('Rows of one step are put together. Absent: as far apart as most rows are.')),
  combine: z.enum(['sum', 'mean']).default('sum').meta(about('What rows of one step come to: the sum of amounts, the mean of rates.')),
  duplicates: z.enum(['refuse', 'sum']).default('refuse').meta(about('What to do with two rows of one series at the same time.')),
  gaps: z
    .enum(['unknown', 'zero'])
    .default('unknown')
    .meta(about('What steps without a row had. A list of events, such as jobs or calls, has a row for each: nothing came then.')),
});

export type HistoryQuery = z.output<typeof query>;

const rows = z
  .array(
    z.strictObject({
      time: z.union([z.string().min(1).max(64), z.number().min(0)]).meta(about('As in the text.', '2026-11-30T18:00:00Z')),
      value: z.number().min(0).nullable().meta(about('Null: unknown.')),
      series: z.string().min(1).max(PLANNING_LIMITS.historyNameCharsMax).optional(),
    }),
  )
  .min(1)
  .max(PLANNING_LIMITS.historyRowsMaxCount);

const body = exactlyOneOf(
  z.strictObject({
    csv: z.string().min(1).optional().meta(about('A CSV text with a header (RFC 4180).', 'date,value\n2026-11-30,1200\n')),
    rows: rows.optional().meta(about('The same as JSON.')),
  }),
  ['csv', 'rows'],
  'give one of csv and rows',
).meta({ id: 'CapacityHistory' });

export type HistoryBody = z.output<typeof body>;

const count = z.int().min(0);

const imported = named('ImportedHistory', {
  rows: count,
  from: unixSeconds.meta(about('Where its first whole step begins.')),
  to: unixSeconds.meta(about('Where its last whole step ends, or where what was measured begins.')),
  is_sorted: z.boolean().meta(about('Whether rows came by their time; they are sorted otherwise.')),
  duplicates: count.meta(about('Rows that were added to another of the same time.')),
  gaps: count.meta(about('Steps without a value between the first and the last one.')),
  gaps_are: z.enum(['unknown', 'zero']),
  partial_steps: count.meta(about('Steps at either end that rows cover in part, or that have not ended: left out.')),
  total_rows: count.meta(about('Rows of totals, which billing exports have: left out.')),
  measured_from: unixSeconds.nullable().meta(about('From then on the series is what was measured; null: nothing is joined.')),
  measured_steps: count,
  replaced_steps: count.meta(about('Steps of the history for which there is what was measured.')),
});

const series = named('HistorySeries', {
  name: z.string().meta(about('The meter, the name in `series_column`, or that of the value column.', 'requests')),
  step: z.enum(HISTORY_STEPS),
  ...seriesFields,
  imported,
});

const forecast = named('HistoryForecast', {
  object: z.literal('capacity.history_forecast'),
  at: unixSeconds,
  horizon_days: z.int(),
  level: z.number(),
  zone: z.string(),
  series: z.array(series),
  ceilings: z.array(ceiling).meta(about('Those that the meter may reach, the first of them first; without one there are none.')),
  notes: z.array(z.string()).meta(about('What to know of how the history was read and joined.')),
  left_out: z.array(z.string()).meta(about('What could not be compared, and why.')),
});

export type HistoryReply = z.input<typeof forecast>;

export const historyEndpoints = {
  forecastCapacityHistory: {
    ...call('POST', '/v1/capacity/forecast', {
      kind: 'json',
      schema: body,
      bytesMax: PLANNING_LIMITS.historyBodyBytesMax,
      text: { type: 'text/csv', field: 'csv', about: 'The text of `csv`.' },
    } as const),
    tag: 'Planning',
    summary: 'Forecast an imported history, alone or before what was measured',
    description:
      'Reads a history from CSV or JSON and continues it by the same methods as `GET /v1/capacity/forecast`. With a `meter` it is put before what the ledger ' +
      'has measured of it. Nothing is stored.',
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query,
    status: 200,
    reply: { kind: 'json', schema: forecast } as const,
  },
} as const satisfies Record<string, Endpoint>;
