import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import { command, positive, table, UsageError, whole } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { allOf, operator } from '../gateway/operator.ts';

/** What the commands show of a reservation. */
interface ReservationView {
  readonly id: string;
  readonly queue: string;
  readonly accelerator: string | null;
  readonly count: number;
  readonly pool: string | null;
  readonly nodes: readonly string[] | null;
  readonly start: number;
  readonly end: number;
  readonly state: string;
}

interface OfTenant {
  readonly tenant?: string | undefined;
}

interface Given extends Shown, OfTenant {
  readonly queue: string;
  readonly accelerator?: string;
  readonly count?: number;
  readonly pool?: string;
  readonly nodes?: readonly string[];
  readonly start?: number;
  readonly hours: number;
}

const HEADINGS = ['reservation', 'queue', 'of', 'count', 'from', 'until', 'state'];

/** `sluice queues reservations ...`: of the tenant whose key is in use, or with --tenant by operators for one. */
export const reservations = (): Command =>
  command('reservations', "Capacity that is a queue's own for some time: with the key in use, or with --tenant and the admin key.")
    .addCommand(shown(tenantOf(command('list', 'All reservations that are not over.'))).action(list))
    .addCommand(shown(tenantOf(named('get', 'One reservation.'))).action(get))
    .addCommand(
      shown(tenantOf(command('create', 'Reserves accelerators, cores, or nodes.')))
        .option('--queue <name>', 'the queue that it is for', 'default')
        .option('--accelerator <type>', 'a type of accelerator (default: cores)')
        .option('--count <n>', 'how many accelerators or cores; with --pool, how many of its nodes', whole(1, 1_000_000))
        .option('--pool <id>', 'nodes of this pool, for jobs of the queue alone')
        .option('--nodes <id...>', 'these nodes, for jobs of the queue alone')
        .option('--start <time>', 'such as 2027-01-15T08:00Z (default: now)', time)
        .requiredOption('--hours <n>', 'how long it lasts', positive(8_784))
        .action(create),
    )
    .addCommand(tenantOf(named('delete', 'Ends a reservation; jobs that run in it go on.')).action(remove));

const named = (name: string, summary: string): Command => command(name, summary).argument('<reservation>', 'such as rsv_...');

const tenantOf = (of: Command): Command => of.option('--tenant <id>', 'the tenant whose queue it is: with the admin key');

function time(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new InvalidArgumentError('It must be a time such as 2027-01-15T08:00Z.');
  return Math.floor(ms / 1_000);
}

const clientOf = ({ tenant }: OfTenant): Promise<GatewayClient> => (tenant === undefined ? caller() : operator());

async function list({ json, tenant }: Shown & OfTenant): Promise<void> {
  const all = await allOf<ReservationView>(await clientOf({ tenant }), '/v1/reservations', { tenant }, ({ id }) => id);
  if (json === true) return print(all);
  console.log(all.length === 0 ? 'no reservations' : table(HEADINGS, all.map(rowOf)));
}

async function get(id: string, { json, tenant }: Shown & OfTenant): Promise<void> {
  show(await (await clientOf({ tenant })).call<ReservationView>('GET', pathOf(id, tenant)), json);
}

async function create({ json, tenant, hours, start, ...given }: Given): Promise<void> {
  if (given.count === undefined && given.nodes === undefined) throw new UsageError('say how many: --count, or which nodes: --nodes');
  const from = start ?? Math.floor(Date.now() / 1_000);
  const body = { ...given, tenant, start, end: Math.ceil(from + hours * 3_600) };
  show(await (await clientOf({ tenant })).call<ReservationView>('POST', '/v1/reservations', body), json);
}

async function remove(id: string, { tenant }: OfTenant): Promise<void> {
  await (await clientOf({ tenant })).call('DELETE', pathOf(id, tenant));
  console.log(`${id} has ended`);
}

const pathOf = (id: string, tenant: string | undefined): string => `/v1/reservations/${encodeURIComponent(id)}${queryOf({ tenant })}`;

function show(reservation: ReservationView, json: boolean | undefined): void {
  if (json === true) return print(reservation);
  console.log(table(HEADINGS, [rowOf(reservation)]));
  if (reservation.nodes !== null) console.log(`nodes: ${reservation.nodes.join(', ')}`);
}

const utc = (seconds: number): string => new Date(seconds * 1_000).toISOString();

const rowOf = ({ id, queue, accelerator, count, pool, nodes, start, end, state }: ReservationView): readonly (string | number)[] => [
  id,
  queue,
  nodes === null ? (accelerator ?? 'cores') : (pool ?? 'nodes'),
  count,
  utc(start),
  utc(end),
  state,
];
