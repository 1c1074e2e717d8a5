import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import { MARKETS } from '../../../src/contract/jobs/job-terms.ts';
import { PLACERS } from '../../../src/contract/pools/pool-record.ts';

/** What is set of a pool when it is made, and changed later: for each field of the API an option. */
const OPTIONS = {
  market: () => new Option('--market <market>', 'how its capacity is bought').choices(MARKETS),
  region: () => new Option('--region <name>', 'where its machines are'),
  placer: () => new Option('--placer <placer>', 'how nodes are chosen').choices(PLACERS),
  elasticity: () =>
    new Option('--elasticity <json>', 'how it grows and shrinks, such as {"max_nodes":4,"node":{...}}; null: not at all').argParser(json),
  eviction: () =>
    new Option('--eviction <json>', 'how jobs are evicted there, such as {"max_grace_s":60}; null: as queues say').argParser(json),
  replica_hosts: () =>
    new Option('--replica-hosts <hosts>', 'where the gateway may call replicas, separated by commas').argParser((text) =>
      text.split(',').filter((host) => host !== ''),
    ),
} as const;

export const POOL_SETTING_FIELDS = Object.keys(OPTIONS) as readonly (keyof typeof OPTIONS)[];

export type PoolSettingsGiven = { readonly [Option in string]?: unknown };

/** Adds the options of all settings. */
export function withPoolSettings(command: Command): Command {
  for (const field of POOL_SETTING_FIELDS) command.addOption(OPTIONS[field]());
  return command;
}

/** The settings that were given, as the API has them. */
export const settingsGiven = (given: PoolSettingsGiven): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    POOL_SETTING_FIELDS.flatMap((field) => {
      const value = given[OPTIONS[field]().attributeName()];
      return value === undefined ? [] : [[field, value]];
    }),
  );

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new InvalidArgumentError('It has to be JSON.');
  }
}
