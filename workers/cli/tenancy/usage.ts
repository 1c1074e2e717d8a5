import { DIMENSIONS } from '../../../src/contract/api/meter.ts';
import { command, secondsOf, table } from '../command/command.ts';
import { GatewayClient, queryOf, currentProfile } from '../gateway/gateway-client.ts';

interface Flags {
  readonly from?: number;
  readonly to?: number;
  readonly groupBy?: string;
  readonly json?: boolean;
}

interface Usage {
  readonly from: number;
  readonly to: number;
  readonly total_usd: string;
  readonly data: readonly (Readonly<Record<string, string | number | null | undefined>> & {
    readonly meter: string;
    readonly quantity: number;
    readonly amount_usd: string;
  })[];
}

/** `sluice usage`. */
export const usage = () =>
  command('usage', 'What the tenant used, and what it costs.')
    .option('--from <date>', 'such as 2026-11-01 (default: this month)', secondsOf)
    .option('--to <date>', 'such as 2026-11-30T12:00Z (default: now)', secondsOf)
    .option('--group-by <list>', `dimensions, separated by commas: ${DIMENSIONS.join(', ')}`)
    .option('--json', 'print the answer as JSON')
    .action(async ({ from, to, groupBy, json }: Flags) => {
      const profile = await currentProfile();
      const query = queryOf({ from, to, group_by: groupBy });
      const used = await new GatewayClient(profile, profile.apiKey).call<Usage>('GET', `/v1/usage${query}`);
      if (json === true) return console.log(JSON.stringify(used, null, 2));
      const dimensions = groupBy?.split(',') ?? [];
      const rows = used.data.map((line) => [
        ...dimensions.map((name) => cell(name, line[name])),
        line.meter,
        line.quantity,
        line.amount_usd,
      ]);
      console.log(table([...dimensions, 'meter', 'quantity', 'USD'], rows));
      console.log(`\n${timeOf(used.from)} to ${timeOf(used.to)}: ${used.total_usd} USD`);
    });

const timeOf = (atS: number): string => new Date(atS * 1000).toISOString().replace(':00.000Z', 'Z');

const cell = (name: string, value: string | number | null | undefined): string =>
  (name === 'hour' || name === 'day') && typeof value === 'number' ? timeOf(value) : String(value ?? '-');
