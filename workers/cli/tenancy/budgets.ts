import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import { command, table } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import { operator } from '../gateway/operator.ts';
import type { Level } from './level.ts';
import { levelOf, levelOptions } from './level.ts';
import { organisationFor } from './tenants.ts';

interface BudgetView {
  readonly id: string;
  readonly level: string;
  readonly amount_usd: string;
  readonly thresholds: readonly number[];
  readonly hard: boolean;
}

interface NewBudget extends Level, Shown {
  readonly hard?: boolean;
  readonly at?: number[];
}

const LEVELS = ['organisation', 'tenant', 'project'] as const;

/** `sluice budgets list|set|remove`: for operators, with the admin key. */
export const budgets = (): Command =>
  command('budgets', 'What may be spent in a month. Uses the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine).')
    .addCommand(shown(ofOrganisation(command('list', 'The budgets of an organisation.'))).action(list))
    .addCommand(
      shown(
        levelOptions(
          command('set', 'Sets the budget of a level.')
            .argument('<usd>', 'US dollars a month, such as 12.50')
            .option('--hard', 'refuse what would pass it, before it is used')
            .option('--at <percent...>', 'when to raise an alert (default: 50 80 100)', percents),
          LEVELS,
        ),
      ).action(set),
    )
    .addCommand(ofOrganisation(command('remove', 'Removes a budget, and its hard stop.').argument('<budget>', 'its id')).action(remove));

const ofOrganisation = (of: Command): Command =>
  of.option('--organisation <id>', 'of this organisation (default: that of SLUICE_TENANT, or of the tenant of `npm start`)');

function percents(text: string, before: readonly number[] = []): number[] {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of percent.');
  return [...before, Number(text)];
}

async function list({ organisation, json }: Level & Shown): Promise<void> {
  const client = await operator();
  const query = queryOf({ organisation: await organisationFor(client, organisation) });
  const { data } = await client.call<{ data: BudgetView[] }>('GET', `/v1/budgets${query}`);
  if (json === true) return print(data);
  console.log(data.length === 0 ? 'no budgets' : table(HEADINGS, data.map(rowOf)));
}

const HEADINGS = ['budget', 'of', 'USD a month', 'alerts at', 'hard'];
const rowOf = ({ id, level, amount_usd: usd, thresholds, hard }: BudgetView) => [
  id,
  level,
  usd,
  thresholds.map((at) => `${at} %`).join(' '),
  hard ? 'yes' : 'no',
];

async function set(usd: string, { hard, at, json, ...flags }: NewBudget): Promise<void> {
  const body = { ...(await levelOf(flags)), amount_usd: usd, thresholds: at, hard: hard === true };
  const budget = await (await operator()).call<BudgetView>('PUT', '/v1/budgets', body);
  if (json === true) return print(budget);
  console.log(table(HEADINGS, [rowOf(budget)]));
}

async function remove(id: string, { organisation }: Level): Promise<void> {
  const client = await operator();
  const query = queryOf({ organisation: await organisationFor(client, organisation) });
  await client.call('DELETE', `/v1/budgets/${encodeURIComponent(id)}${query}`);
  console.log(`${id} is removed`);
}
