import { readFile } from 'node:fs/promises';

import type { Command } from 'commander';
import { Option } from 'commander';

import { command, Failure, table, UsageError } from '../command.ts';
import { currentProfile, GatewayClient } from '../gateway/gateway-client.ts';
import type { Shown } from '../jobs/job-command.ts';
import { print, shown } from '../jobs/job-command.ts';

interface Whose {
  readonly admin?: boolean;
}

interface UpstreamView {
  readonly name: string;
  readonly protocol: string;
  readonly base_url: string;
  readonly models: readonly { readonly name: string; readonly serves: readonly string[]; readonly prices: Prices }[];
  readonly secret: { readonly set: boolean; readonly hint: string | null };
}

interface Prices {
  readonly input: number;
  readonly output: number;
}

interface CheckView {
  readonly verdict: string;
  readonly reachable: boolean;
  readonly authorised: boolean | null;
  readonly status: number | null;
  readonly ms: number;
  readonly models: readonly { readonly name: string; readonly found: boolean | null }[];
}

interface NewUpstream extends Whose {
  readonly url: string;
  readonly protocol: string;
  readonly models?: string;
  readonly secretEnv?: string;
}

/** `sluice upstreams add|list|show|check|remove`. */
export const upstreams = (): Command =>
  command(
    'upstreams',
    'Servers of models that others run. The key in use needs the scopes upstreams:read and upstreams:write, or give --admin.',
  )
    .addCommand(
      whose(ofUpstream('add', 'Adds an upstream.'))
        .requiredOption('--url <url>', 'below which it is called, such as https://api.openai.com/v1')
        .addOption(new Option('--protocol <api>', 'the API that it speaks').choices(['openai', 'anthropic']).default('openai'))
        .option('--models <file>', 'its models: a JSON array, as `models` of POST /v1/upstreams')
        .option('--secret-env <name>', 'the environment variable that has its key')
        .action(add),
    )
    .addCommand(shown(whose(command('list', 'The upstreams of the tenant; with --admin those of the platform.'))).action(list))
    .addCommand(shown(whose(ofUpstream('show', 'An upstream and its models.'))).action(show))
    .addCommand(shown(whose(ofUpstream('check', 'Whether it can be reached, accepts its key and has its models.'))).action(check))
    .addCommand(whose(ofUpstream('remove', 'Deletes an upstream with its key.')).action(remove));

const ofUpstream = (name: string, summary: string): Command => command(name, summary).argument('<upstream>', 'its name');

const whose = (of: Command): Command =>
  of.option('--admin', 'upstreams of the platform, as the admin (SLUICE_ADMIN_KEY, or that of `npm start` on this machine)');

async function clientOf({ admin }: Whose): Promise<GatewayClient> {
  const profile = await currentProfile();
  if (admin !== true) return new GatewayClient(profile, profile.apiKey);
  if (profile.adminKey === undefined) throw new UsageError('--admin: no admin key is known; set SLUICE_ADMIN_KEY');
  return new GatewayClient(profile, profile.adminKey);
}

const pathOf = (name: string, rest = ''): string => `/v1/upstreams/${encodeURIComponent(name)}${rest}`;

async function add(name: string, { url, protocol, models, secretEnv, ...of }: NewUpstream): Promise<void> {
  const secret = secretEnv === undefined ? undefined : process.env[secretEnv];
  // Not as an argument, which other users of the machine could read.
  if (secretEnv !== undefined && (secret === undefined || secret === '')) throw new UsageError(`--secret-env: ${secretEnv} is not set`);
  const client = await clientOf(of);
  const body = {
    name,
    protocol,
    base_url: url,
    ...(models === undefined ? {} : { models: await jsonOf(models) }),
    ...(secret === undefined ? {} : { secret }),
  };
  const made = await client.call<UpstreamView>('POST', '/v1/upstreams', body);
  console.log(`${made.name} is an upstream with ${made.models.length} models: sluice upstreams check ${made.name}`);
}

async function jsonOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new UsageError(`--models: cannot read ${path} as JSON: ${(error as Error).message}`);
  }
}

async function list({ json, ...of }: Shown & Whose): Promise<void> {
  const client = await clientOf(of);
  const all: UpstreamView[] = [];
  for (let after = ''; ;) {
    const page = await client.call<{ data: UpstreamView[]; has_more: boolean }>('GET', `/v1/upstreams?limit=100${after}`);
    all.push(...page.data);
    if (!page.has_more) break;
    after = `&after=${encodeURIComponent(page.data.at(-1)?.name ?? '')}`;
  }
  if (json === true) return print(all);
  console.log(table(['name', 'protocol', 'url', 'models', 'key'], all.map(rowOf)));
}

async function show(name: string, { json, ...of }: Shown & Whose): Promise<void> {
  const found = await (await clientOf(of)).call<UpstreamView>('GET', pathOf(name));
  if (json === true) return print(found);
  console.log(table(['name', 'protocol', 'url', 'models', 'key'], [rowOf(found)]));
  if (found.models.length === 0) return;
  const rows = found.models.map((model) => [model.name, model.serves.join(' '), usd(model.prices.input), usd(model.prices.output)]);
  console.log(`\n${table(['model', 'serves', 'USD / M in', 'USD / M out'], rows)}`);
}

async function check(name: string, { json, ...of }: Shown & Whose): Promise<void> {
  const found = await (await clientOf(of)).call<CheckView>('POST', pathOf(name, '/check'));
  if (json === true) print(found);
  else {
    console.log(`${name}: ${found.verdict.replaceAll('_', ' ')} (${found.status ?? 'no answer'}, ${found.ms} ms)`);
    const missing = found.models.filter((model) => model.found === false).map((model) => model.name);
    if (missing.length > 0) console.log(`it does not list: ${missing.join(', ')}`);
  }
  if (found.verdict !== 'ok' && found.verdict !== 'not_listed')
    throw new Failure(`the check of ${name} found: ${found.verdict.replaceAll('_', ' ')}`);
}

async function remove(name: string, of: Whose): Promise<void> {
  await (await clientOf(of)).call('DELETE', pathOf(name));
  console.log(`${name} is deleted`);
}

const rowOf = ({ name, protocol, base_url: url, models, secret }: UpstreamView) => [
  name,
  protocol,
  url,
  models.length,
  secret.set ? `...${secret.hint ?? ''}` : 'none',
];

/** Of nano-dollars. */
const usd = (nano: number): string => String(nano / 1e9);
