import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';

import { FORECAST_RESOURCES } from '../../../src/contract/planning/capacity.ts';
import type { HistoryReply } from '../../../src/contract/planning/history.ts';
import { HISTORY_STEPS } from '../../../src/contract/planning/history.ts';
import { UsageError } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import { caller } from '../gateway/gateway-command.ts';

/** How a history is read, as the options say it. */
export interface HistoryOptions {
  readonly meter?: string;
  readonly timeColumn?: string;
  readonly valueColumn?: string;
  readonly seriesColumn?: string;
  readonly zone?: string;
  readonly step?: string;
  readonly combine?: string;
  readonly duplicates?: string;
  readonly gaps?: string;
}

/** The options of a command that reads a history. */
export const withHistory = (of: Command): Command =>
  of
    .option('--history <file>', 'forecast what a CSV file has: times and values, with a header')
    .addOption(new Option('--meter <name>', 'put the history before what was measured of this').choices(FORECAST_RESOURCES))
    .option('--time-column <name>', 'the column of times')
    .option('--value-column <name>', 'the column of values')
    .option('--series-column <name>', 'the column that says which series a row is of')
    .option('--zone <zone>', 'of times without a zone, such as Europe/Berlin')
    .addOption(new Option('--step <step>', 'put the rows of one step together').choices(HISTORY_STEPS))
    .addOption(new Option('--combine <how>', 'what rows of one step come to: amounts are summed, rates averaged').choices(['sum', 'mean']))
    .addOption(new Option('--duplicates <rule>', 'what to do with two rows at the same time').choices(['refuse', 'sum']))
    .addOption(new Option('--gaps <as>', 'what steps without a row had').choices(['unknown', 'zero']));

/** What the gateway makes of a file; it refuses what cannot be read. */
export async function historyForecast(
  file: string,
  asked: Readonly<Record<string, string | number | undefined>>,
  options: HistoryOptions,
): Promise<HistoryReply> {
  const csv = await readFile(file);
  const { meter, zone, step, combine, duplicates, gaps } = options;
  const columns = { time_column: options.timeColumn, value_column: options.valueColumn, series_column: options.seriesColumn };
  const query = queryOf({ ...asked, meter, zone, step, combine, duplicates, gaps, ...columns });
  return (await caller()).call<HistoryReply>('POST', `/v1/capacity/forecast${query}`, { csv: textOf(csv, file) });
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${file} is not UTF-8: save it as such, or convert it, such as by \`iconv -f UTF-16 -t UTF-8\``);
  }
}

const dateOf = (at: number): string => new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ');

/** What was read of one series, in a sentence. */
export function importedText({ name, step, imported }: HistoryReply['series'][number]): string {
  const { rows, from, to, gaps, gaps_are: gapsAre, partial_steps: partial, duplicates, total_rows: totals } = imported;
  const parts = [`${name}: ${rows} rows from ${dateOf(from)} to ${dateOf(to)} UTC by the ${step}`];
  if (!imported.is_sorted) parts.push('sorted by time');
  if (duplicates > 0) parts.push(`${duplicates} added to another of the same time`);
  if (gaps > 0) parts.push(`${gaps} ${step}s without a value, taken as ${gapsAre}`);
  if (partial > 0) parts.push(`${partial} ${step}s left out that are not whole`);
  if (totals > 0) parts.push(`${totals} rows of totals left out`);
  if (imported.measured_from !== null) parts.push(`measured from ${dateOf(imported.measured_from)} UTC on`);
  return parts.join('; ');
}
