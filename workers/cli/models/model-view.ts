import type { Command } from 'commander';

import { command, table, UsageError } from '../command/command.ts';
import { currentProfile, GatewayClient } from '../gateway/gateway-client.ts';

/** What the commands show of a model. */
export interface ModelView {
  readonly id: string;
  readonly owned_by: string;
  readonly task: string;
  readonly version: string | null;
  readonly stage: string;
  readonly canary: { readonly version: number; readonly share: number } | null;
  readonly aliases: readonly string[];
  readonly dimensions: number | null;
}

/** What they show of a version. */
export interface VersionView {
  readonly model: string;
  readonly version: number;
  readonly stage: string;
  readonly created: number;
  readonly contract_hash: string;
  readonly licence: string | null;
  readonly files: readonly { readonly bytes: number }[];
  readonly checks: {
    readonly passed: boolean;
    readonly error: { readonly code: string; readonly message: string } | null;
    readonly measured: Readonly<Record<string, number | string>>;
  } | null;
}

/** With `--platform` a command is about the models of the operator, by the admin key. */
export interface Whose {
  readonly platform?: boolean;
}

export const whose = (of: Command): Command =>
  of.option('--platform', 'of models of the platform, which all tenants may use: with the admin key');

/** The gateway as the owner of the models in question. */
export async function modelClient({ platform }: Whose): Promise<GatewayClient> {
  const profile = await currentProfile();
  if (platform !== true) return new GatewayClient(profile, profile.apiKey);
  if (profile.adminKey === undefined) throw new UsageError('--platform takes the admin key: set SLUICE_ADMIN_KEY');
  return new GatewayClient(profile, profile.adminKey);
}

export const ofModel = (name: string, summary: string): Command => command(name, summary).argument('<model>', 'its name');

export const modelPath = (model: string, rest = ''): string => `/v1/models/${encodeURIComponent(model)}${rest}`;

export const modelsTable = (models: readonly ModelView[]): string =>
  table(
    ['model', 'of', 'task', 'version', 'stage', 'canary', 'numbers', 'aliases'],
    models.map(({ id, owned_by: owner, task, version, stage, canary, dimensions, aliases }) => [
      id,
      owner,
      task,
      version ?? '',
      stage,
      canary === null ? '' : `${canary.version} (${canary.share * 100} %)`,
      dimensions ?? '',
      aliases.join(' '),
    ]),
  );

export const versionsTable = (versions: readonly VersionView[]): string =>
  table(
    ['version', 'stage', 'MB', 'contract', 'licence', 'checks'],
    versions.map(({ version, stage, files, contract_hash: hash, licence, checks }) => [
      version,
      stage,
      (files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1),
      hash.slice(0, 12),
      licence ?? '',
      checksText(checks),
    ]),
  );

export function checksText(checks: VersionView['checks']): string {
  if (checks === null) return 'not checked yet';
  if (checks.error !== null) return `refused: ${checks.error.message}`;
  const measured = Object.entries(checks.measured).map(([name, value]) => `${name} ${value}`);
  return ['passed', ...measured].join(', ');
}
