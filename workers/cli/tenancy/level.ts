import type { Command } from 'commander';

import { UsageError } from '../command/command.ts';
import { currentProfile } from '../gateway/gateway-client.ts';

/** What a quota or a budget is of: one of these. */
export interface Level {
  readonly organisation?: string;
  readonly tenant?: string;
  readonly project?: string;
  readonly key?: string;
}

const LEVELS = ['organisation', 'tenant', 'project', 'key'] as const;

export const levelOptions = (of: Command, levels: readonly (typeof LEVELS)[number][]): Command => {
  for (const level of levels)
    of.option(`--${level} <id>`, `of this ${level}${level === 'tenant' ? ' (default: SLUICE_TENANT, or that of `npm start`)' : ''}`);
  return of;
};

/** The one level that is named, or the tenant of the profile. */
export async function levelOf(flags: Level): Promise<Level> {
  const named = LEVELS.filter((level) => flags[level] !== undefined);
  if (named.length > 1) throw new UsageError(`give one of ${named.map((level) => `--${level}`).join(', ')}`);
  const [level] = named;
  if (level !== undefined) return { [level]: flags[level] };
  const { tenant } = await currentProfile();
  if (tenant === undefined) throw new UsageError('name what it is of, such as --tenant');
  return { tenant };
}
