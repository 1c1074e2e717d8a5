import type { Command } from 'commander';

import { command } from '../command/command.ts';
import { currentProfile, GatewayClient } from './gateway-client.ts';

export interface Shown {
  readonly json?: boolean;
}

/** A command that can print the answer as it came. */
export const shown = (of: Command): Command => of.option('--json', 'print the answer as JSON');

/** A command about one job. */
export const named = (name: string, summary: string): Command => command(name, summary).argument('<job>', 'such as job_...');

export async function caller(): Promise<GatewayClient> {
  const profile = await currentProfile();
  return new GatewayClient(profile, profile.apiKey);
}

export const print = (value: unknown): void => console.log(JSON.stringify(value, null, 2));
