import type { Command } from 'commander';

import { command, table, UsageError, whole } from '../command/command.ts';
import { allOf, operator } from '../gateway/operator.ts';
import { drive } from './drive.ts';
import type { PoolSettingsGiven } from './pool-settings-options.ts';
import { settingsGiven, withPoolSettings } from './pool-settings-options.ts';

/** What the commands show of a pool. */
interface PoolView {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly agents?: number;
  readonly running?: number;
  readonly market?: string;
  readonly region?: string;
  readonly agent_token?: string;
}

interface NodeView {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly capacity: { readonly accelerator?: string; readonly accelerators?: number } | null;
  readonly attempts_max: number;
  readonly jobs: readonly string[];
}

interface PriceView {
  readonly accelerator: string | null;
  readonly usd_per_hour: string;
  readonly margin_per_mille: number;
  readonly billed_usd_per_hour: string;
  readonly price_list: string | null;
  readonly in_force: boolean;
  readonly from: number;
  readonly until: number | null;
}

interface Shown {
  readonly json?: boolean;
}

type Created = Shown & PoolSettingsGiven & { readonly name: string; readonly owner: string };

/** `sluice pools ...`: for operators, with the admin key. */
export function pools(): Command {
  const group = command('pools', 'Machines that run jobs. Uses the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine).')
    .addCommand(shown(command('list', 'All pools.')).action(list))
    .addCommand(shown(named('get', 'A pool, its agents and what they run.')).action(get))
    .addCommand(
      withPoolSettings(
        shown(command('create', 'Creates a pool, and shows the token of its agents once.'))
          .requiredOption('--name <name>', 'of the pool')
          .requiredOption('--owner <team>', 'the team that is responsible for it'),
      ).action(create),
    )
    .addCommand(
      withPoolSettings(shown(named('change', 'Changes what is set of a pool; the rest stays.')).option('--owner <team>')).action(change),
    )
    .addCommand(
      named('delete', 'Deletes a pool.').option('--force', 'even while agents are there: their jobs wait for other pools').action(remove),
    )
    .addCommand(
      shown(named('rotate-token', 'Replaces the token of the agents, and shows the new one once.'))
        .option('--grace <s>', 'seconds for which the former one is accepted', whole(0, 7 * 86_400), 3_600)
        .action(rotate),
    )
    .addCommand(shown(named('prices', 'The prices of a pool.')).action(prices))
    .addCommand(
      named('set-price', 'States what an accelerator of the pool costs: what tenants are billed for it, with the margin.')
        .argument('<usd-per-hour>', 'such as 2.50')
        .option('--accelerator <type>', 'which type (default: a node without accelerators)')
        .option('--margin <per-mille>', 'what tenants pay above that, in thousandths of it', whole(0, 5_000), 0)
        .option('--from <time>', 'from when on, such as 2027-01-01T00:00Z (default: now)', instant)
        .option('--until <time>', 'when it ends, and the price before it holds again', instant)
        .action(setPrice),
    )
    .addCommand(shown(named('nodes', 'The nodes of a pool, and what runs there.')).action(nodes))
    .addCommand(drive());
  for (const [verb, summary] of Object.entries(NODE_VERBS)) {
    group.addCommand(
      named(verb, summary)
        .argument('<node>', 'such as agt_...')
        .action((pool: string, node: string) => act(pool, node, verb)),
    );
  }
  return group;
}

/** What can be done to a node, each an endpoint of its name. */
const NODE_VERBS = {
  cordon: 'Gives a node no new work.',
  uncordon: 'Lets a node that is cordoned or drained take work again.',
  drain: 'Empties a node: its jobs are asked to save and leave, and run again elsewhere.',
} as const;

const shown = (of: Command): Command => of.option('--json', 'print the answer as JSON');

const named = (name: string, summary: string): Command => command(name, summary).argument('<pool>', 'such as pool_...');

async function list({ json }: Shown): Promise<void> {
  const all = await everything<PoolView>('/v1/pools');
  if (json === true) return print(all);
  const rows = all.map(({ id, name, owner, market, region }) => [id, name, owner, market ?? '-', region ?? '-']);
  console.log(rows.length === 0 ? 'no pools' : table(['pool', 'name', 'owner', 'market', 'region'], rows));
}

async function get(id: string, { json }: Shown): Promise<void> {
  const pool = await (await operator()).call<PoolView>('GET', poolPath(id));
  if (json === true) return print(pool);
  const { agents = 0, running = 0 } = pool;
  console.log(table(['pool', 'name', 'owner', 'agents', 'running'], [[pool.id, pool.name, pool.owner, agents, running]]));
}

async function create({ name, owner, json, ...given }: Created): Promise<void> {
  const pool = await (await operator()).call<PoolView>('POST', '/v1/pools', { name, owner, ...settingsGiven(given) });
  if (json === true) return print(pool);
  console.log(`${pool.id}\n\nthe token of its agents, shown here and never again:\n${pool.agent_token}`);
}

async function change(id: string, { owner, json, ...given }: Shown & PoolSettingsGiven): Promise<void> {
  const pool = await (await operator()).call<PoolView>('PATCH', poolPath(id), { owner, ...settingsGiven(given) });
  if (json === true) return print(pool);
  console.log(`${pool.id} is changed`);
}

async function remove(id: string, { force }: { readonly force?: boolean }): Promise<void> {
  await (await operator()).call('DELETE', poolPath(id, force === true ? '?force=true' : ''));
  console.log(`${id} is deleted`);
}

async function rotate(id: string, { grace, json }: Shown & { readonly grace: number }): Promise<void> {
  const path = poolPath(id, '/rotate_token');
  const token = await (await operator()).call<{ agent_token: string; former_expires_at: number }>('POST', path, { grace_s: grace });
  if (json === true) return print(token);
  const until = new Date(token.former_expires_at * 1_000).toISOString();
  console.log(`${token.agent_token}\n\nshown here and never again; the former token is accepted until ${until}`);
}

async function prices(id: string, { json }: Shown): Promise<void> {
  const { data } = await (await operator()).call<{ data: PriceView[] }>('GET', poolPath(id, '/prices'));
  if (json === true) return print(data);
  const rows = data.map((price) => [
    price.accelerator ?? '-',
    price.usd_per_hour,
    String(price.margin_per_mille),
    price.billed_usd_per_hour,
    dateOf(price.from),
    price.until === null ? '-' : dateOf(price.until),
    price.price_list === null ? 'the pool' : `price list ${price.price_list}`,
    price.in_force ? 'yes' : 'no',
  ]);
  console.log(table(['accelerator', 'USD an hour', 'margin ‰', 'billed', 'from', 'until', 'stated by', 'holds'], rows));
}

interface StatedPrice {
  readonly accelerator?: string;
  readonly margin: number;
  readonly from?: number;
  readonly until?: number;
}

async function setPrice(id: string, usd: string, { margin, ...terms }: StatedPrice): Promise<void> {
  const body = { usd_per_hour: usd, margin_per_mille: margin, ...terms };
  const price = await (await operator()).call<PriceView>('POST', poolPath(id, '/prices'), body);
  const { accelerator, usd_per_hour: cost, margin_per_mille: above, billed_usd_per_hour: billed } = price;
  const what = accelerator ?? 'a node without accelerators';
  console.log(`${what} costs ${cost} USD an hour; tenants are billed ${billed} (margin ${above} per mille)`);
}

const dateOf = (unixSeconds: number): string => new Date(unixSeconds * 1_000).toISOString();

/** Seconds since the Unix epoch. */
function instant(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new UsageError(`"${text}" is not a time such as 2027-01-01T00:00Z`);
  return Math.floor(ms / 1_000);
}

async function nodes(id: string, { json }: Shown): Promise<void> {
  const all = await everything<NodeView>(poolPath(id, '/nodes'));
  if (json === true) return print(all);
  const rows = all.map(({ id: node, name, state, capacity, attempts_max: most, jobs }) => [
    node,
    name,
    state,
    capacity?.accelerator === undefined ? '-' : `${capacity.accelerators ?? 1} x ${capacity.accelerator}`,
    `${jobs.length}/${most}`,
    jobs.join(' '),
  ]);
  console.log(rows.length === 0 ? 'no nodes' : table(['node', 'name', 'state', 'accelerators', 'runs', 'jobs'], rows));
}

async function act(pool: string, node: string, verb: string): Promise<void> {
  if (!/^agt_(\d{1,2}_)?[0-9a-z]+$/.test(node)) throw new UsageError(`"${node}" is not the id of a node, such as agt_0123456789...`);
  const { state } = await (await operator()).call<NodeView>('POST', poolPath(pool, `/nodes/${node}/${verb}`));
  console.log(`${node} is ${state}`);
}

/** All of a list, page by page. */
const everything = async <T extends { readonly id: string }>(path: string): Promise<readonly T[]> =>
  allOf<T>(await operator(), path, {}, ({ id }) => id);

/** The path of a pool; a mistyped id must not lead to another endpoint. */
function poolPath(id: string, below = ''): string {
  if (!/^pool_[0-9a-z]+$/.test(id)) throw new UsageError(`"${id}" is not the id of a pool, such as pool_0123456789...`);
  return `/v1/pools/${id}${below}`;
}

const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2));
