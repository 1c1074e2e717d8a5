import type { Command } from 'commander';

import { command, table, UsageError } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import type { CatalogueModel } from './price-catalogue.ts';
import { ageText, hasEnded, priceCatalogue } from './price-catalogue.ts';
import { PROVIDERS } from './provider.ts';

/** `sluice upstreams catalogue`. */
export const catalogue = (): Command =>
  shown(
    command('catalogue', 'Providers that upstreams can have by name, and what is known of their models. Calls nothing.').argument(
      '[provider]',
      'whose models are shown',
    ),
  ).action(list);

async function list(provider: string | undefined, { json }: Shown): Promise<void> {
  const known = priceCatalogue();
  const nowMs = Date.now();
  if (provider !== undefined && !Object.hasOwn(PROVIDERS, provider))
    throw new UsageError(`there is no provider ${provider}; there are: ${Object.keys(PROVIDERS).join(', ')}`);
  const models = provider === undefined ? undefined : (known.providers[provider] ?? {});
  if (json === true) return print(models ?? known);
  if (models === undefined) console.log(table(['provider', 'models', 'url', 'key'], Object.entries(PROVIDERS).map(providerRow)));
  else {
    const still = Object.entries(models).filter(([, model]) => !hasEnded(model, nowMs));
    console.log(table(['model', 'serves', 'context', 'answer', 'USD / M in', 'cached', 'out', 'until'], still.map(modelRow)));
  }
  console.log(`\n${ageText(known, nowMs)}`);
}

const providerRow = ([name, { url, secretEnv = '-' }]: [string, (typeof PROVIDERS)[string]]) => [
  name,
  Object.keys(priceCatalogue().providers[name] ?? {}).length,
  url,
  secretEnv,
];

const modelRow = ([name, { serves, context_tokens: context, output_tokens_max: output, prices, until }]: [string, CatalogueModel]) => [
  name,
  serves.join(' '),
  context,
  output ?? '-',
  prices['input'] ?? '-',
  prices['cached_input'] ?? '-',
  prices['output'] ?? (prices['request'] === undefined ? '-' : `${prices['request']} a request`),
  until ?? '-',
];
