import type { Command } from 'commander';

import { command, table, UsageError } from '../command.ts';
import { currentProfile, GatewayClient, queryOf } from '../gateway/gateway-client.ts';

/** What the commands show of a pool. */
interface PoolView {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly agents?: number;
  readonly running?: number;
  readonly agent_token?: string;
}

interface Shown {
  readonly json?: boolean;
}

/** `sluice pools ...`: for operators, with the admin key. */
export const pools = (): Command =>
  command('pools', 'Machines that run jobs. Uses the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine).')
    .addCommand(shown(command('list', 'All pools.')).action(list))
    .addCommand(shown(named('get', 'A pool, its agents and what they run.')).action(get))
    .addCommand(
      shown(command('create', 'Creates a pool, and shows the token of its agents once.'))
        .requiredOption('--name <name>', 'of the pool')
        .requiredOption('--owner <team>', 'the team that is responsible for it')
        .action(create),
    );

const shown = (of: Command): Command => of.option('--json', 'print the answer as JSON');

const named = (name: string, summary: string): Command => command(name, summary).argument('<pool>', 'such as pool_...');

async function admin(): Promise<GatewayClient> {
  const profile = await currentProfile();
  if (profile.adminKey === undefined) throw new UsageError('no admin key is known; set SLUICE_ADMIN_KEY');
  return new GatewayClient(profile, profile.adminKey);
}

async function list({ json }: Shown): Promise<void> {
  const client = await admin();
  const all: PoolView[] = [];
  for (let after: string | undefined, hasMore = true; hasMore;) {
    const page = await client.call<{ data: PoolView[]; has_more: boolean }>('GET', `/v1/pools${queryOf({ limit: 100, after })}`);
    all.push(...page.data);
    after = page.data.at(-1)?.id;
    hasMore = page.has_more && after !== undefined;
  }
  if (json === true) return print(all);
  console.log(
    all.length === 0
      ? 'no pools'
      : table(
          ['pool', 'name', 'owner'],
          all.map(({ id, name, owner }) => [id, name, owner]),
        ),
  );
}

async function get(id: string, { json }: Shown): Promise<void> {
  const pool = await (await admin()).call<PoolView>('GET', poolPath(id));
  if (json === true) return print(pool);
  const { agents = 0, running = 0 } = pool;
  console.log(table(['pool', 'name', 'owner', 'agents', 'running'], [[pool.id, pool.name, pool.owner, agents, running]]));
}

async function create({ name, owner, json }: Shown & { readonly name: string; readonly owner: string }): Promise<void> {
  const pool = await (await admin()).call<PoolView>('POST', '/v1/pools', { name, owner });
  if (json === true) return print(pool);
  console.log(`${pool.id}\n\nthe token of its agents, shown here and never again:\n${pool.agent_token}`);
}

/** The path of a pool; a mistyped id must not lead to another endpoint. */
function poolPath(id: string, below = ''): string {
  if (!/^pool_[0-9a-z]+$/.test(id)) throw new UsageError(`"${id}" is not the id of a pool, such as pool_0123456789...`);
  return `/v1/pools/${id}${below}`;
}

const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2));
