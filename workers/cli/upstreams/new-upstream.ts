import { InvalidArgumentError } from 'commander';

import { UsageError } from '../command/command.ts';
import type { ChosenModels, ModelTerms } from './chosen-models.ts';
import { chosenModels, PRICES } from './chosen-models.ts';
import type { CataloguePrices } from './price-catalogue.ts';
import { priceCatalogue } from './price-catalogue.ts';
import type { Provider } from './provider.ts';
import { PROVIDERS } from './provider.ts';

/** What the command line says of a new upstream. */
export interface UpstreamTerms extends ModelTerms {
  readonly protocol?: Provider['protocol'];
  readonly provider?: string;
  readonly url?: string;
  /** A file of them. */
  readonly models?: string;
  readonly secretEnv?: string;
  readonly passUsage?: boolean;
}

interface NewUpstream {
  readonly url: string;
  readonly protocol: Provider['protocol'];
  readonly secretEnv?: string;
  readonly passUsage?: boolean;
  /** A file of them. */
  readonly modelsFile?: string;
  /** From the catalogue and the command line. */
  readonly models?: ChosenModels['models'];
  readonly notes: readonly string[];
}

/**
 * What is to be added: what the command line says, and else what is known of the provider. `name`: of the upstream, which is that of the provider
 * unless `--provider` or `--url` says otherwise. Throws a `UsageError` for what is missing.
 */
export function newUpstream(
  name: string,
  terms: UpstreamTerms,
  environment: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): NewUpstream {
  const { provider: stated, models: modelsFile, model, price, contextTokens, outputTokens, secretEnv, passUsage } = terms;
  const provider = stated ?? (Object.hasOwn(PROVIDERS, name) ? name : undefined);
  const known = provider === undefined ? undefined : PROVIDERS[provider];
  const url = terms.url ?? known?.url;
  if (url === undefined) throw new UsageError(`--url: give the URL of its API, or a provider: ${Object.keys(PROVIDERS).join(', ')}`);
  const saysTerms = price !== undefined || contextTokens !== undefined || outputTokens !== undefined;
  if (modelsFile !== undefined && (saysTerms || model !== undefined))
    throw new UsageError('--models: the file says all of the models; leave --model and --price out');
  if (model === undefined && saysTerms) throw new UsageError('--price, --context-tokens and --output-tokens need --model');
  const keyEnv = secretEnv ?? (environment[known?.secretEnv ?? ''] === undefined ? undefined : known?.secretEnv);
  const lacksKey = keyEnv === undefined && known?.secretEnv !== undefined;
  const wants =
    modelsFile === undefined && (model !== undefined || (known !== undefined && (stated !== undefined || terms.url === undefined)));
  const chosen = wants ? chosenModels(priceCatalogue(), provider ?? name, known ?? UNKNOWN, terms, nowMs) : undefined;
  return {
    url,
    protocol: terms.protocol ?? known?.protocol ?? 'openai',
    ...(keyEnv === undefined ? {} : { secretEnv: keyEnv }),
    ...(passUsage === undefined ? {} : { passUsage }),
    ...(modelsFile === undefined ? {} : { modelsFile }),
    ...(chosen && { models: chosen.models }),
    notes: [
      ...(chosen?.notes ?? []),
      ...(lacksKey ? [`it has no key: set ${known.secretEnv}, then sluice upstreams update ${name} --secret-env ${known.secretEnv}`] : []),
    ],
  };
}

const UNKNOWN: Pick<Provider, 'kinds'> = { kinds: ['chat'] };

/** Collects `--price input=0.15 output=0.60`. */
export function pricesOf(text: string, before: CataloguePrices = {}): CataloguePrices {
  const [kind = '', usd = ''] = text.split('=');
  if (!PRICES.some((price) => price === kind) || !/^\d{1,6}(\.\d{1,9})?$/.test(usd))
    throw new InvalidArgumentError(`It must be one of ${PRICES.join(', ')}, =, and US dollars, such as input=0.15.`);
  return { ...before, [kind]: usd };
}
