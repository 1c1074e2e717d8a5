import { readFile } from 'node:fs/promises';

import type { Command } from 'commander';
import { Option } from 'commander';

import type { UpstreamCheckReply, UpstreamReply } from '../../../src/contract/upstreams/upstreams.ts';
import { UPSTREAM_LIMITS } from '../../../src/contract/upstreams/upstream-limits.ts';
import { command, Failure, positive, table, UsageError, whole } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import { allOf, operator } from '../gateway/operator.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { catalogue } from './catalogue.ts';
import { changedModels, repriced } from './changed-models.ts';
import type { ModelTerms } from './chosen-models.ts';
import { PRICES } from './chosen-models.ts';
import type { UpstreamTerms } from './new-upstream.ts';
import { newUpstream, pricesOf } from './new-upstream.ts';
import { ageText, priceCatalogue } from './price-catalogue.ts';
import { PROVIDERS } from './provider.ts';

interface Whose {
  readonly admin?: boolean;
}

interface Settings {
  readonly url?: string;
  /** A file of them. */
  readonly models?: string;
  readonly secretEnv?: string;
  readonly passUsage?: boolean;
}

type NewUpstream = Whose & UpstreamTerms;

interface Change extends Whose, Settings, ModelTerms {
  /** True: of the provider that has the upstream's name. */
  readonly reprice?: string | true;
  readonly requestsPerMinute?: number;
  readonly concurrency?: number;
  readonly secret?: boolean;
  readonly weight?: number;
}

/** `sluice upstreams add|list|show|update|check|remove`. */
export const upstreams = (): Command =>
  command(
    'upstreams',
    'Servers of models that others run. The key in use needs the scopes upstreams:read and upstreams:write, or give --admin.',
  )
    .addCommand(
      whose(ofUpstream('add', 'Adds an upstream. Of a provider that Sluice knows its name is enough: sluice upstreams add openai'))
        .addOption(new Option('--provider <name>', 'the provider, where the upstream has another name').choices(Object.keys(PROVIDERS)))
        .option('--url <url>', 'the URL of its API, such as https://api.openai.com/v1')
        .addOption(
          new Option('--protocol <api>', 'the API that it offers (default: openai)').choices(['openai', 'anthropic', 'workers-ai']),
        )
        .option('--model <name...>', 'the models that it serves; of a provider that Sluice knows, all without this')
        .option(
          '--price <kind=usd...>',
          `prices of these models, in place of those of the catalogue: ${PRICES.join(', ')}; of a million tokens`,
          pricesOf,
        )
        .option('--context-tokens <n>', 'how many tokens a prompt and its answer may have', whole(1, UPSTREAM_LIMITS.upstreamTokensMax))
        .option('--output-tokens <n>', 'how many tokens an answer may have', whole(1, UPSTREAM_LIMITS.upstreamTokensMax))
        .option('--models <file>', 'a JSON file with its models: an array, as `models` of POST /v1/upstreams')
        .option(
          '--secret-env <name>',
          'the environment variable that has its API key; of a provider that Sluice knows, the one of its own clients',
        )
        .option('--pass-usage', 'callers see the usage of streams also where they have not asked for it: such streams are passed through')
        .action(add),
    )
    .addCommand(catalogue())
    .addCommand(shown(whose(command('list', 'The upstreams of the tenant; with --admin those of the platform.'))).action(list))
    .addCommand(shown(whose(ofUpstream('show', 'An upstream and its models.'))).action(show))
    .addCommand(
      whose(ofUpstream('update', 'Changes an upstream; what is not named stays.'))
        .option('--url <url>', 'the URL of its API')
        .option('--models <file>', 'a JSON file with its models: all of them, in place of those it has')
        .option('--secret-env <name>', 'the environment variable that has its API key')
        .option('--no-secret', 'it has no API key any more')
        .option('--weight <n>', 'its share of the load among upstreams of the same model', positive(UPSTREAM_LIMITS.upstreamWeightMax))
        .option('--model <name...>', 'the models that --price, --context-tokens and --output-tokens are of')
        .option('--price <kind=usd...>', `prices of these models: ${PRICES.join(', ')}; of a million tokens`, pricesOf)
        .option('--context-tokens <n>', 'how many tokens a prompt and its answer may have', whole(1, UPSTREAM_LIMITS.upstreamTokensMax))
        .option('--output-tokens <n>', 'how many tokens an answer may have', whole(1, UPSTREAM_LIMITS.upstreamTokensMax))
        .option(
          '--reprice [provider]',
          'the prices of the catalogue, for all models that it has; the provider: where the upstream has another name',
        )
        .option('--requests-per-minute <n>', 'how many calls of all callers together', whole(1, UPSTREAM_LIMITS.upstreamRateMax))
        .option('--concurrency <n>', 'how many calls at once', whole(1, UPSTREAM_LIMITS.upstreamConcurrencyMax))
        .option('--pass-usage', 'callers see the usage of all streams')
        .option('--no-pass-usage', 'only of those that asked for it')
        .action(update),
    )
    .addCommand(shown(whose(ofUpstream('check', 'Checks that it can be reached, accepts its key and has its models.'))).action(check))
    .addCommand(whose(ofUpstream('remove', 'Deletes an upstream with its key.')).action(remove));

const ofUpstream = (name: string, summary: string): Command => command(name, summary).argument('<upstream>', 'its name');

const whose = (of: Command): Command =>
  of.option(
    '--admin',
    'manage the upstreams of the platform, with the admin key (SLUICE_ADMIN_KEY, or that of `npm start` on this machine)',
  );

const clientOf = ({ admin }: { readonly admin?: boolean | undefined }): Promise<GatewayClient> => (admin === true ? operator() : caller());

const pathOf = (name: string, rest = ''): string => `/v1/upstreams/${encodeURIComponent(name)}${rest}`;

async function add(name: string, { admin, ...options }: NewUpstream): Promise<void> {
  const { models, modelsFile, notes, protocol, ...settings } = newUpstream(name, options, process.env, Date.now());
  const said = await bodyOf({ ...settings, ...(modelsFile && { models: modelsFile }) });
  const body = { name, protocol, ...said, ...(models && { models }) };
  const made = await (await clientOf({ admin })).call<UpstreamReply>('POST', '/v1/upstreams', body);
  console.log(`${made.name} is added with ${made.models.length} models; check it: sluice upstreams check ${made.name}`);
  for (const note of notes) console.log(note);
  noteUnpriced(made);
}

async function update(name: string, { admin, secret, weight, ...settings }: Change): Promise<void> {
  const client = await clientOf({ admin });
  const models = await modelsAfter(client, name, settings);
  const limits = {
    ...(settings.requestsPerMinute === undefined ? {} : { requests_per_minute: settings.requestsPerMinute }),
    ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency }),
  };
  const body = {
    ...(await bodyOf(settings)),
    ...(models && { models }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(secret === false ? { secret: null } : {}),
    ...(weight === undefined ? {} : { weight }),
  };
  if (Object.keys(body).length === 0) throw new UsageError('say what to change, such as --models or --weight');
  const made = await client.call<UpstreamReply>('PATCH', pathOf(name), body);
  console.log(`${made.name} is changed`);
  noteUnpriced(made);
}

/** The models with other prices or limits; undefined: none are asked for. */
async function modelsAfter(client: GatewayClient, name: string, { reprice, ...terms }: Change): Promise<readonly object[] | undefined> {
  const { model, price, contextTokens, outputTokens } = terms;
  const saysTerms = price !== undefined || contextTokens !== undefined || outputTokens !== undefined;
  if (saysTerms !== (model !== undefined))
    throw new UsageError('--model says of which models --price, --context-tokens and --output-tokens are');
  if (!saysTerms && reprice === undefined) return undefined;
  if (terms.models !== undefined) throw new UsageError('--models: the file says all of the models; leave --model and --reprice out');
  const found = await client.call<UpstreamReply>('GET', pathOf(name));
  if (reprice === undefined) return changedModels(found, terms);
  if (saysTerms) throw new UsageError('--reprice and --price say the same: give one of them');
  const provider = reprice === true ? name : reprice;
  if (!Object.hasOwn(PROVIDERS, provider)) throw new UsageError(`--reprice: say the provider: ${Object.keys(PROVIDERS).join(', ')}`);
  const { models, unknown } = repriced(found, provider, priceCatalogue());
  console.log(ageText(priceCatalogue(), Date.now()));
  if (unknown.length > 0) console.log(`the catalogue does not have: ${unknown.join(', ')}; they keep their prices`);
  return models;
}

/** What the options say, as the API takes it. */
async function bodyOf({ url, models, secretEnv, passUsage }: Settings): Promise<object> {
  const secret = secretEnv === undefined ? undefined : process.env[secretEnv];
  // Not as an argument, which other users of the machine could read.
  if (secretEnv !== undefined && (secret === undefined || secret === '')) throw new UsageError(`--secret-env: ${secretEnv} is not set`);
  return {
    ...(url === undefined ? {} : { base_url: url }),
    ...(models === undefined ? {} : { models: await jsonOf(models) }),
    ...(secret === undefined ? {} : { secret }),
    ...(passUsage === undefined ? {} : { pass_usage: passUsage }),
  };
}

/** Calls without a price would count as nothing in silence. */
function noteUnpriced({ unpriced_models: unpriced }: UpstreamReply): void {
  if (unpriced.length === 0) return;
  console.log(
    `no price: ${unpriced.join(', ')}; their calls cost 0 USD in bills, budgets and quotas (a price: {"input": "0.15"}, USD / M tokens)`,
  );
}

async function jsonOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new UsageError(`--models: cannot read ${path} as JSON: ${(error as Error).message}`);
  }
}

async function list({ json, ...of }: Shown & Whose): Promise<void> {
  const all = await allOf<UpstreamReply>(await clientOf(of), '/v1/upstreams', {}, ({ name }) => name);
  if (json === true) return print(all);
  console.log(table(['name', 'protocol', 'url', 'models', 'key'], all.map(rowOf)));
}

async function show(name: string, { json, ...of }: Shown & Whose): Promise<void> {
  const found = await (await clientOf(of)).call<UpstreamReply>('GET', pathOf(name));
  if (json === true) return print(found);
  console.log(table(['name', 'protocol', 'url', 'models', 'key'], [rowOf(found)]));
  if (found.models.length === 0) return;
  const rows = found.models.map((model) => [model.name, model.serves.join(' '), usd(model.prices.input), usd(model.prices.output)]);
  console.log(`\n${table(['model', 'serves', 'USD / M in', 'USD / M out'], rows)}`);
  noteUnpriced(found);
}

async function check(name: string, { json, ...of }: Shown & Whose): Promise<void> {
  const found = await (await clientOf(of)).call<UpstreamCheckReply>('POST', pathOf(name, '/check'));
  if (json === true) print(found);
  else {
    console.log(`${name}: ${found.verdict.replaceAll('_', ' ')} (${found.status ?? 'no answer'}, ${found.ms} ms)`);
    for (const { severity, message, command: mends } of found.findings) console.log(`\n${severity}: ${message}\n  ${mends}`);
  }
  const isFaulty = found.findings.some(({ severity }) => severity === 'error');
  if (isFaulty || (found.verdict !== 'ok' && found.verdict !== 'not_listed'))
    throw new Failure(`the check of ${name} found: ${found.verdict.replaceAll('_', ' ')}`);
}

async function remove(name: string, of: Whose): Promise<void> {
  await (await clientOf(of)).call('DELETE', pathOf(name));
  console.log(`${name} is deleted`);
}

const rowOf = ({ name, protocol, base_url: url, models, secret }: UpstreamReply) => [
  name,
  protocol,
  url,
  models.length,
  secret.set ? `...${secret.hint ?? ''}` : 'none',
];

/** Nano-dollars in dollars. */
const usd = (nano: number): string => String(nano / 1e9);
