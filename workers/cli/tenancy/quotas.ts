import type { Command } from 'commander';

import { command, table, UsageError } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import { operator } from '../gateway/operator.ts';
import type { Level } from './level.ts';
import { levelOf, levelOptions } from './level.ts';

interface QuotaView {
  readonly level: string;
  readonly id: string;
  readonly rules: readonly {
    readonly resource: string;
    readonly window: string;
    readonly limit: number;
    readonly kind: string;
    readonly accelerator: string | null;
  }[];
  readonly granted: readonly { readonly resource: string; readonly window: string; readonly granted: number }[];
  readonly held: readonly { readonly resource: string; readonly units: number | null }[];
}

type NewRule = Readonly<Record<'resource' | 'window', string>> & { readonly limit: number | string };

const ALL = ['organisation', 'tenant', 'project', 'key'] as const;
const NANO_PER_USD = 1e9;

/** `sluice quotas show|set`: for operators, with the admin key. */
export const quotas = (): Command =>
  command('quotas', 'What a level may use. Uses the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine).')
    .addCommand(shown(levelOptions(command('show', 'The rules of a level, and what is granted against them.'), ALL)).action(show))
    .addCommand(
      shown(
        levelOptions(
          command('set', 'Replaces the rules of a level.')
            .argument('<rule...>', 'such as requests/minute=600, tokens/day=1000000, vectors/held=50000 or spend_usd/day=5')
            .addHelpText('after', '\nMoney is in US dollars: spend_usd/month=12.50.'),
          ALL,
        ),
      ).action((words: readonly string[], flags: Level & Shown) => set(words.map(ruleOf), flags)),
    );

function ruleOf(word: string): NewRule {
  const [, resource = '', window = '', limit = ''] = /^([a-z_]+)\/([a-z]+)=(\d+(?:\.\d+)?)$/.exec(word) ?? [];
  if (resource === '') throw new UsageError(`"${word}" is not a rule such as requests/minute=600.`);
  return { resource, window, limit: resource === 'spend_usd' ? limit : Number(limit) };
}

async function show({ json, ...flags }: Level & Shown): Promise<void> {
  const quota = await (await operator()).call<QuotaView>('GET', `/v1/quotas${queryOf({ ...(await levelOf(flags)) })}`);
  shownQuota(quota, json);
}

async function set(rules: readonly NewRule[], { json, ...flags }: Level & Shown): Promise<void> {
  const quota = await (await operator()).call<QuotaView>('PUT', '/v1/quotas', { ...(await levelOf(flags)), rules });
  shownQuota(quota, json);
}

function shownQuota({ level, id, rules, granted, held }: QuotaView, json: boolean | undefined): void {
  if (json === true) return print({ level, id, rules, granted, held });
  const rows = rules.map(({ resource, window, limit, kind, accelerator }) => {
    const counted = accelerator === null ? resource : `${resource}:${accelerator}`;
    const used =
      window === 'held'
        ? held.find((one) => one.resource === counted)?.units
        : granted.find((one) => one.resource === counted && one.window === window)?.granted;
    const isMoney = resource === 'spend_nano';
    const amount = (units: number): string | number => (isMoney ? units / NANO_PER_USD : units);
    return [isMoney ? 'spend, USD' : counted, window, String(amount(limit)), kind, used == null ? '-' : String(amount(used))];
  });
  console.log(`${level} ${id}`);
  console.log(rows.length === 0 ? 'no rules' : table(['of', 'window', 'limit', 'kind', 'granted now'], rows));
}
