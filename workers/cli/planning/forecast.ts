import type { Command } from 'commander';
import { Option } from 'commander';

import { INTERVAL_LEVELS } from '../../../src/contract/planning/capacity.ts';
import type { ForecastReply } from '../../../src/contract/planning/capacity.ts';
import { command, table, UsageError, whole } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import type { HistoryOptions } from './history-forecast.ts';
import { historyForecast, importedText, withHistory } from './history-forecast.ts';

interface Given extends Shown, HistoryOptions {
  readonly history?: string;
  readonly days: number;
  readonly level: string;
  readonly tenant?: string;
  readonly organisation?: string;
}

/** `sluice forecast`. */
export const forecast = (): Command =>
  withHistory(shown(command('forecast', 'How use grows, and when quotas, budgets and indexes are used up.')))
    .option('--days <n>', 'look so far ahead', whole(1, 180), 30)
    .addOption(new Option('--level <level>', 'how often the truth is to lie within an interval').choices(INTERVAL_LEVELS).default('0.9'))
    .option('--tenant <id>', 'for the admin: of this tenant')
    .option('--organisation <id>', 'for the admin: of all tenants of this organisation')
    .action(run);

async function run({ json, days, level, tenant, organisation, history, ...options }: Given): Promise<void> {
  const asked = { horizon_days: days, level, tenant, organisation };
  if (history !== undefined) {
    const reply = await historyForecast(history, asked, options);
    if (json === true) return print(reply);
    for (const series of reply.series) console.log(importedText(series));
    console.log('');
    printForecast({ ...reply, series: reply.series.map(({ name, ...series }) => ({ ...series, resource: name })) });
    for (const note of reply.notes) console.log(`note: ${note}`);
    return;
  }
  if (Object.values(options).some((value) => value !== undefined))
    throw new UsageError('give the file with --history, which these options are of');
  const reply = await (await caller()).call<ForecastReply>('GET', `/v1/capacity/forecast${queryOf(asked)}`);
  if (json === true) return print(reply);
  printForecast(reply);
}

type SeriesShown = Omit<ForecastReply['series'][number], 'resource' | 'step'> & { readonly resource: string; readonly step: string };

interface ForecastShown extends Pick<ForecastReply, 'ceilings' | 'left_out'> {
  readonly series: readonly SeriesShown[];
}

function printForecast({ series, ceilings, left_out: leftOut }: ForecastShown): void {
  console.log(table(['use', 'at the end', 'between', 'and', 'method', 'error'], series.map(seriesRow)));
  if (ceilings.length > 0)
    console.log(`\n${table(['limit', 'of', 'used', 'reached', 'not before', 'what to do', 'by'], ceilings.map(ceilingRow))}`);
  for (const what of leftOut) console.log(`left out: ${what}`);
}

function seriesRow({ resource, status, steps, steps_needed: needed, step, method, error, points }: SeriesShown): string[] {
  const end = points.at(-1);
  if (status === 'not_enough_data' || end === undefined)
    return [resource, `not enough data: ${steps} of ${needed} ${step}s`, '', '', '', ''];
  return [
    resource,
    `${figure(end.expected)} a ${step}`,
    figure(end.low),
    figure(end.high),
    method ?? '',
    error === null ? '-' : `${(100 * error).toFixed(0)} %`,
  ];
}

const dateOf = (at: number | null): string => (at === null ? '-' : new Date(at * 1000).toISOString().slice(0, 10));

function ceilingRow({
  kind,
  resource,
  window,
  subject,
  limit,
  used,
  status,
  reached_at: reachedAt,
  earliest_at: earliestAt,
  advice,
}: ForecastReply['ceilings'][number]): string[] {
  return [
    `${kind} ${resource}${window === null ? '' : ` a ${window}`}`,
    subject,
    `${figure(used)} of ${figure(limit)}`,
    status === 'not_enough_data' ? 'not enough data' : dateOf(reachedAt),
    dateOf(earliestAt),
    advice === null ? '' : `${advice.action.replaceAll('_', ' ')} by ${figure(advice.quantity)}`,
    advice === null ? '' : dateOf(advice.order_by),
  ];
}

const figure = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en');
