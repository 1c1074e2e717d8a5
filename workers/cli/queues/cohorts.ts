import type { Command } from 'commander';

import { command, table, whole } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import { allOf, operator } from '../gateway/operator.ts';
import type { QueueOptions } from './queue-settings.ts';
import { quotaOption } from './queue-settings.ts';

/** What the commands show of a cohort. */
interface CohortView {
  readonly name: string;
  readonly parent: string | null;
  readonly weight: number;
  readonly tenant: string | null;
  readonly organisation: string | null;
  readonly pending: number;
  readonly admitted: number;
  readonly usage: readonly { readonly resource: string; readonly used: number; readonly nominal: number }[];
}

type Given = Pick<QueueOptions, 'weight' | 'quota'> & {
  readonly parent?: string;
  readonly tenant?: string;
  readonly organisation?: string;
};

const HEADINGS = ['cohort', 'below', 'weight', 'of', 'pending', 'running', 'uses'];

/** `sluice queues cohorts ...`: for operators, with the admin key. */
export const cohorts = (): Command =>
  command('cohorts', 'Groups of tenants that share quota. Uses the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine).')
    .addCommand(shown(command('list', 'All cohorts, and what they use.')).action(list))
    .addCommand(shown(named('get', 'One cohort.')).action(get))
    .addCommand(
      shown(described(named('create', 'Creates a cohort.')))
        .option('--tenant <id>', 'it is the cohort of this tenant, whose queues divide its quota')
        .option('--organisation <id>', 'it is the cohort of the tenants of this organisation that have none of their own')
        .action(create),
    )
    .addCommand(shown(described(named('update', 'Changes a cohort while jobs run; what is not named stays.'))).action(update))
    .addCommand(named('delete', 'Deletes a cohort that none is below.').action(remove));

const named = (name: string, summary: string): Command => command(name, summary).argument('<cohort>', 'its name; root is above all');

const described = (of: Command): Command =>
  of
    .option('--parent <cohort>', 'the cohort that it is below')
    .option('--weight <n>', 'of the members of its parent, one of twice the weight gets twice as much', whole(1, 1_000))
    .addOption(quotaOption());

async function list({ json }: Shown): Promise<void> {
  const all = await allOf<CohortView>(await operator(), '/v1/cohorts', {}, ({ name }) => name);
  if (json === true) return print(all);
  console.log(table(HEADINGS, all.map(rowOf)));
}

async function get(name: string, { json }: Shown): Promise<void> {
  show(await (await operator()).call<CohortView>('GET', pathOf(name)), json);
}

async function create(name: string, { json, tenant, organisation, ...given }: Shown & Given): Promise<void> {
  show(await (await operator()).call<CohortView>('POST', '/v1/cohorts', { name, tenant, organisation, ...settingsOf(given) }), json);
}

async function update(name: string, { json, ...given }: Shown & Given): Promise<void> {
  show(await (await operator()).call<CohortView>('PATCH', pathOf(name), settingsOf(given)), json);
}

async function remove(name: string): Promise<void> {
  await (await operator()).call('DELETE', pathOf(name));
  console.log(`${name} is deleted`);
}

const settingsOf = ({ parent, weight, quota }: Given): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ parent, weight, quotas: quota }).filter(([, value]) => value !== undefined));

const pathOf = (name: string): string => `/v1/cohorts/${encodeURIComponent(name)}`;

function show(cohort: CohortView, json: boolean | undefined): void {
  if (json === true) return print(cohort);
  console.log(table(HEADINGS, [rowOf(cohort)]));
}

const rowOf = ({ name, parent, weight, tenant, organisation, pending, admitted, usage }: CohortView): readonly (string | number)[] => [
  name,
  parent ?? '-',
  weight,
  tenant ?? organisation ?? '-',
  pending,
  admitted,
  usage
    .filter(({ used, nominal }) => used > 0 || nominal > 0)
    .map(({ resource, used, nominal }) => `${resource} ${used} of ${nominal}`)
    .join(', ') || '-',
];
