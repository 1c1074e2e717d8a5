import type { Command } from 'commander';

import { command, table, UsageError } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import { currentProfile } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import { allOf, operator } from '../gateway/operator.ts';

interface TenantView {
  readonly id: string;
  readonly organisation: string;
  readonly name: string;
  readonly owner: string;
  readonly state: string;
}

interface ErasureView {
  readonly state: string;
  readonly verified: boolean;
  readonly remaining: readonly { readonly what: string; readonly count: number }[];
}

interface NewTenant extends Shown {
  readonly organisation?: string;
  readonly name: string;
  readonly owner: string;
}

/** `sluice tenants list|create|show|suspend|resume|erase`: for operators, with the admin key. */
export const tenants = (): Command =>
  command('tenants', 'Walls between data sets. Uses the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine).')
    .addCommand(
      shown(command('list', 'The tenants of all organisations, or of one.'))
        .option('--organisation <id>', 'of this organisation alone')
        .action(list),
    )
    .addCommand(
      shown(command('create', 'Creates a tenant and its default project.'))
        .requiredOption('--name <name>', 'of the tenant')
        .requiredOption('--owner <team>', 'the team that is responsible for it')
        .option('--organisation <id>', 'which it belongs to (default: a new one of the same name)')
        .action(create),
    )
    .addCommand(shown(named('show', 'A tenant and its state.')).action(show))
    .addCommand(named('suspend', 'Stops its keys within a second; everything stays.').action((id: string) => act(id, 'suspend')))
    .addCommand(named('resume', 'Ends the suspension.').action((id: string) => act(id, 'resume')))
    .addCommand(
      shown(named('erase', 'Erases a tenant and everything it has, for good.'))
        .requiredOption('--yes <id>', 'the id of the tenant once more: nothing brings it back')
        .action(erase),
    );

const named = (name: string, summary: string): Command => command(name, summary).argument('<tenant>', 'such as tn_...');

/** The organisation that is named, or that of the profile's tenant. */
export async function organisationFor(client: GatewayClient, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const { tenant } = await currentProfile();
  if (tenant === undefined) throw new UsageError('name the organisation with --organisation');
  return (await client.call<TenantView>('GET', pathOf(tenant))).organisation;
}

/** The path of a tenant; a mistyped id must not lead to another endpoint. */
function pathOf(id: string, below = ''): string {
  if (!/^tn_[0-9a-z_]+$/.test(id)) throw new UsageError(`"${id}" is not the id of a tenant, such as tn_...`);
  return `/v1/tenants/${id}${below}`;
}

const idOf = ({ id }: { readonly id: string }): string => id;

async function list({ organisation, json }: Shown & { readonly organisation?: string }): Promise<void> {
  const client = await operator();
  const organisations =
    organisation === undefined ? (await allOf<{ id: string }>(client, '/v1/organisations', {}, idOf)).map(idOf) : [organisation];
  const found: TenantView[] = [];
  for (const of of organisations) found.push(...(await allOf<TenantView>(client, '/v1/tenants', { organisation: of }, idOf)));
  if (json === true) return print(found);
  console.log(found.length === 0 ? 'no tenants' : table(HEADINGS, found.map(rowOf)));
}

const HEADINGS = ['tenant', 'name', 'owner', 'state', 'organisation'];
const rowOf = ({ id, name, owner, state, organisation }: TenantView) => [id, name, owner, state, organisation];

async function create({ organisation, name, owner, json }: NewTenant): Promise<void> {
  const client = await operator();
  const of = organisation ?? (await client.call<{ id: string }>('POST', '/v1/organisations', { name, owner })).id;
  const made = await client.call<TenantView>('POST', '/v1/tenants', { organisation: of, name, owner });
  if (json === true) return print(made);
  console.log(`${table(HEADINGS, [rowOf(made)])}\n\na key for it: sluice keys create --admin --tenant ${made.id} --name NAME`);
}

async function show(id: string, { json }: Shown): Promise<void> {
  const found = await (await operator()).call<TenantView>('GET', pathOf(id));
  if (json === true) return print(found);
  console.log(table(HEADINGS, [rowOf(found)]));
}

async function act(id: string, verb: 'suspend' | 'resume'): Promise<void> {
  const { state } = await (await operator()).call<TenantView>('POST', pathOf(id, `/${verb}`));
  console.log(`${id} is ${state}`);
}

async function erase(id: string, { yes, json }: Shown & { readonly yes: string }): Promise<void> {
  if (yes !== id) throw new UsageError(`--yes: give ${id}, the id of the tenant that is to be erased`);
  const client = await operator();
  // Each call erases a part, and the last one says so.
  let gone = await client.call<ErasureView>('POST', pathOf(id, '/erase'));
  while (gone.state !== 'erased') gone = await client.call<ErasureView>('POST', pathOf(id, '/erase'));
  if (json === true) return print(gone);
  const left = gone.remaining.filter(({ count }) => count > 0).map(({ what, count }) => `${count} ${what}`);
  console.log(`${id} is ${gone.state}; ${gone.verified ? 'nothing of it is left' : `left: ${left.join(', ')}`}`);
}
