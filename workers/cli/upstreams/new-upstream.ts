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
export function newUpstream(name: string, terms: UpstreamTerms, environment: Environment, nowMs: number): NewUpstream {
  checkTerms(terms);
  const provider = terms.provider ?? (Object.hasOwn(PROVIDERS, name) ? name : undefined);
  const known = provider === undefined ? undefined : PROVIDERS[provider];
  const { url, protocol = 'openai' } = { ...known, ...given({ url: terms.url, protocol: terms.protocol }) };
  if (url === undefined) throw new UsageError(`--url: give the URL of its API, or a provider: ${Object.keys(PROVIDERS).join(', ')}`);
  const chosen = wantsModels(terms, known) ? chosenModels(priceCatalogue(), provider ?? name, known ?? UNKNOWN, terms, nowMs) : undefined;
  const { passUsage, models: modelsFile } = terms;
  const { secretEnv, notes } = keyOf(name, terms, known, environment);
  const rest = given({ secretEnv, passUsage, modelsFile, models: chosen?.models });
  return { url, protocol, ...rest, notes: [...(chosen?.notes ?? []), ...notes] };
}

/** Without what is undefined. */
const given = <T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };

type Environment = Readonly<Record<string, string | undefined>>;

function checkTerms({ models, model, price, contextTokens, outputTokens }: UpstreamTerms): void {
  const saysTerms = [price, contextTokens, outputTokens].some((term) => term !== undefined);
  if (models !== undefined && (saysTerms || model !== undefined))
    throw new UsageError('--models: the file says all of the models; leave --model and --price out');
  if (model === undefined && saysTerms) throw new UsageError('--price, --context-tokens and --output-tokens need --model');
}

/** Another URL is another server, unless it is said whose models it has. */
function wantsModels({ models, model, provider, url }: UpstreamTerms, known: Provider | undefined): boolean {
  if (models !== undefined) return false;
  return model !== undefined || (known !== undefined && (provider !== undefined || url === undefined));
}

/** The variable of its key: as it is named, or that of its provider's own clients, if it is set. */
function keyOf(name: string, { secretEnv }: UpstreamTerms, known: Provider | undefined, environment: Environment) {
  const usual = known?.secretEnv;
  if (secretEnv !== undefined || usual === undefined) return { secretEnv, notes: [] };
  if (environment[usual] !== undefined) return { secretEnv: usual, notes: [] };
  return { secretEnv: undefined, notes: [`it has no key: set ${usual}, then sluice upstreams update ${name} --secret-env ${usual}`] };
}

const UNKNOWN: Pick<Provider, 'kinds'> = { kinds: ['chat'] };

/** Collects `--price input=0.15 output=0.60`. */
export function pricesOf(text: string, before: CataloguePrices = {}): CataloguePrices {
  const [kind = '', usd = ''] = text.split('=');
  if (!PRICES.some((price) => price === kind) || !/^\d{1,6}(\.\d{1,9})?$/.test(usd))
    throw new InvalidArgumentError(`It must be one of ${PRICES.join(', ')}, =, and US dollars, such as input=0.15.`);
  return { ...before, [kind]: usd };
}
