import type { CatalogueModel, CataloguePrices, PriceCatalogue } from './price-catalogue.ts';
import type { Kind, Provider } from './provider.ts';
import { PROVIDERS } from './provider.ts';

/** An entry of LiteLLM's file, with numbers as the texts that they are written as. */
type Entry = Readonly<Record<string, unknown>>;

/** Where a catalogue is from. */
export type CatalogueSource = Omit<PriceCatalogue, 'providers'>;

/** Which kinds of calls its modes are. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  chat: ['chat'],
  completion: ['completions'],
  responses: ['responses'],
  embedding: ['embeddings'],
  rerank: ['rerank'],
  moderation: ['moderations'],
};

/** Kinds whose answers are made of tokens, which have a price and a limit of their own. */
const GENERATING: ReadonlySet<Kind> = new Set(['chat', 'completions', 'responses']);

/** Its fields by the price that they are, and of how many units that price is: ten to this power. */
const PRICES: readonly (readonly [field: string, price: string, units: number])[] = [
  ['input_cost_per_token', 'input', 6],
  ['cache_read_input_token_cost', 'cached_input', 6],
  ['cache_creation_input_token_cost', 'cache_write', 6],
  ['output_cost_per_token', 'output', 6],
  ['input_cost_per_query', 'request', 0],
  ['input_cost_per_request', 'request', 0],
];

const STEP = /^input_cost_per_token_above_(\d+)k_tokens$/;
/** What a model here may be called. */
const NAME = /^[a-zA-Z0-9](?:[\w.:/-]*[\w.:-])?$/;

/** The models of all providers in LiteLLM's file of prices whose prices can be said here, sorted by name. */
export function importedCatalogue(text: string, source: CatalogueSource): PriceCatalogue {
  const entries = Object.entries(exactEntries(text));
  const providers = Object.entries(PROVIDERS).map(([name, provider]) => [name, modelsOf(provider, entries)] as const);
  return { ...source, providers: Object.fromEntries(providers.filter(([, models]) => Object.keys(models).length > 0)) };
}

function modelsOf(provider: Provider, entries: readonly (readonly [string, Entry])[]): Readonly<Record<string, CatalogueModel>> {
  const models = new Map<string, CatalogueModel>();
  for (const [key, entry] of entries) {
    const owner = entry['litellm_provider'];
    if (typeof owner !== 'string' || provider.litellm?.includes(owner) !== true) continue;
    const upstreamName = key.startsWith(`${owner}/`) ? key.slice(owner.length + 1) : key;
    const name = upstreamName.startsWith('@') ? upstreamName.slice(upstreamName.lastIndexOf('/') + 1) : upstreamName;
    // Fine-tuned models have names of their own, and other slashes are sizes of images, or regions.
    if (!NAME.test(name) || name.startsWith('ft:') || (owner === 'openai' && name.includes('/'))) continue;
    const model = modelOf(provider, entry);
    if (model !== undefined) models.set(name, name === upstreamName ? model : { ...model, upstream_name: upstreamName });
  }
  return Object.fromEntries([...models].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Undefined: it is nothing that the provider serves here, or has no price or limits. */
function modelOf(provider: Provider, entry: Entry): CatalogueModel | undefined {
  const serves = servedBy(provider, entry);
  const generates = serves.some((kind) => GENERATING.has(kind));
  const prices = pricesIn(entry, '');
  const limits = limitsOf(entry, generates);
  if (serves.length === 0 || limits === undefined || !isPriced(prices, generates)) return undefined;
  const { deprecation_date: until } = entry;
  const above = stepOf(entry, prices);
  return {
    serves,
    ...limits,
    prices,
    ...(above === undefined ? {} : { above }),
    ...(typeof until === 'string' && /^\d{4}-\d\d-\d\d$/.test(until) ? { until } : {}),
  };
}

/** What is left out would cost nothing in silence. */
function isPriced({ input, request, output }: CataloguePrices, generates: boolean): boolean {
  return (input !== undefined || request !== undefined) && (!generates || output !== undefined);
}

function limitsOf(entry: Entry, generates: boolean): Pick<CatalogueModel, 'context_tokens' | 'output_tokens_max'> | undefined {
  const both = wholeAt(entry, 'max_tokens');
  const input = wholeAt(entry, 'max_input_tokens') ?? both;
  const output = wholeAt(entry, 'max_output_tokens') ?? both;
  if (input === undefined) return undefined;
  if (!generates) return { context_tokens: input };
  return output === undefined ? undefined : { context_tokens: Math.max(input, output), output_tokens_max: output };
}

function servedBy({ kinds, protocol }: Provider, entry: Entry): readonly Kind[] {
  const own = KINDS[String(entry['mode'])] ?? [];
  const endpoints = entry['supported_endpoints'];
  // OpenAI answers chats by both of its APIs, unless the entry lists others.
  const alsoResponses = own.includes('chat') && protocol === 'openai' && (!Array.isArray(endpoints) || endpoints.includes('/v1/responses'));
  return [...own, ...(alsoResponses ? (['responses'] as const) : [])].filter((kind) => kinds.includes(kind));
}

/** `suffix`: of the fields, where they are of another step. Answers what differs from nothing: a price that is 0 is one. */
function pricesIn(entry: Entry, suffix: string): CataloguePrices {
  const found = PRICES.flatMap(([field, price, units]) => {
    const written = entry[`${field}${suffix}`];
    return typeof written === 'string' && /^[\d.]/.test(written) ? [[price, shifted(written, units)] as const] : [];
  });
  // Some entries have 0 for a cache that costs what other input does, as nothing else is known of it.
  return Object.fromEntries(found.filter(([price, usd]) => !(price === 'cache_write' && usd === '0')));
}

function stepOf(entry: Entry, base: CataloguePrices): CatalogueModel['above'] {
  const steps = Object.keys(entry).flatMap((field) => STEP.exec(field)?.[1] ?? []);
  const [least] = steps.map(Number).sort((a, b) => a - b);
  if (least === undefined) return undefined;
  const prices = pricesIn(entry, `_above_${least}k_tokens`);
  const differs = Object.entries(prices).some(([price, usd]) => base[price] !== usd);
  return differs ? { tokens: least * 1_000, prices } : undefined;
}

function wholeAt(entry: Entry, field: string): number | undefined {
  const value = Number(entry[field]);
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** JSON whose numbers are the texts that they are written as: no digit of a price goes through a binary fraction. */
const exactEntries = (text: string): Readonly<Record<string, Entry>> =>
  JSON.parse(text, asWritten as Parameters<typeof JSON.parse>[1]) as Readonly<Record<string, Entry>>;

const asWritten = (_: string, value: unknown, { source }: { readonly source?: string } = {}): unknown =>
  typeof value === 'number' ? (source ?? String(value)) : value;

/** Nano-dollars are the least that there is. */
const DECIMALS_MAX = 9;

/** A number as it is written, such as `2.5e-06`, times ten to a power, as a decimal. Exact, and rounded up where it has more than nine decimals. */
export function shifted(written: string, power: number): string {
  const [, whole = '', part = '', exponent = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(written) ?? [];
  if (whole === '') throw new Error(`${written} is no price`);
  const places = part.length - Number(exponent) - power;
  const digits = BigInt(whole + part);
  const nano =
    places <= DECIMALS_MAX ? digits * 10n ** BigInt(DECIMALS_MAX - places) : roundedUp(digits, 10n ** BigInt(places - DECIMALS_MAX));
  const text = String(nano).padStart(DECIMALS_MAX + 1, '0');
  const decimals = text.slice(-DECIMALS_MAX).replace(/0+$/, '');
  return decimals === '' ? text.slice(0, -DECIMALS_MAX) : `${text.slice(0, -DECIMALS_MAX)}.${decimals}`;
}

const roundedUp = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

/** As it is stored: a model a line, so that an update shows what has changed. */
export function catalogueText({ providers, ...source }: PriceCatalogue): string {
  const said = JSON.stringify(source, null, 2).slice(0, -2);
  const sections = Object.entries(providers).map(([name, models]) => {
    const lines = Object.entries(models).map(([model, known]) => `      ${JSON.stringify(model)}: ${JSON.stringify(known)}`);
    return `    ${JSON.stringify(name)}: {\n${lines.join(',\n')}\n    }`;
  });
  return `${said},\n  "providers": {\n${sections.join(',\n')}\n  }\n}\n`;
}
