import { UPSTREAM_LIMITS } from '../../../src/contract/upstreams/upstream-limits.ts';
import { UsageError } from '../command/command.ts';
import type { CatalogueModel, CataloguePrices, PriceCatalogue } from './price-catalogue.ts';
import { ageText, hasEnded } from './price-catalogue.ts';
import type { Kind, Provider } from './provider.ts';

/** What is said of the models of an upstream on the command line. */
export interface ModelTerms {
  /** Absent: all that the catalogue has of the provider. */
  readonly model?: readonly string[];
  /** In place of those of the catalogue: `input=0.15`. */
  readonly price?: CataloguePrices;
  readonly contextTokens?: number;
  readonly outputTokens?: number;
}

/** A model, as `POST /v1/upstreams` takes it. */
interface ModelBody extends Omit<CatalogueModel, 'until' | 'above'> {
  readonly name: string;
}

export interface ChosenModels {
  readonly models: readonly ModelBody[];
  /** What is to be known of their prices, in lines. */
  readonly notes: readonly string[];
}

/** What `prices` of a model takes. */
export const PRICES = ['input', 'cached_input', 'cache_write', 'output', 'request'] as const;

/**
 * The models that an upstream gets: those that are named, or all that its provider still has, with limits and prices of the catalogue, unless
 * the command line gives them. Throws a `UsageError` for a model whose price is in neither: none is 0 in silence.
 */
export function chosenModels(
  catalogue: PriceCatalogue,
  name: string,
  { isFree, kinds }: Pick<Provider, 'isFree' | 'kinds'>,
  terms: ModelTerms,
  nowMs: number,
): ChosenModels {
  const known = catalogue.providers[name] ?? {};
  const named = terms.model ?? allOf(known, name, nowMs);
  const asOf = `the prices as of ${catalogue.as_of}`;
  const models = named.map((model): ModelBody => {
    const { until: _, above: __, ...found } = Object.hasOwn(known, model) ? (known[model] as CatalogueModel) : unknownModel(kinds);
    const prices = { ...(isFree === true ? FREE : {}), ...found.prices, ...terms.price };
    const context = terms.contextTokens ?? found.context_tokens;
    const output = terms.outputTokens ?? found.output_tokens_max;
    const lacks = [
      ...(context > 0 ? [] : ['--context-tokens']),
      ...(output === undefined && generates(found.serves) ? ['--output-tokens'] : []),
      ...(isPriced(found.serves, prices) ? [] : ['--price input=USD output=USD (of a million tokens; 0 is a price)']),
    ];
    if (lacks.length > 0) throw new UsageError(`${asOf} do not have ${model} of ${name}: give ${lacks.join(', ')}`);
    return { ...found, name: model, context_tokens: context, ...(output === undefined ? {} : { output_tokens_max: output }), prices };
  });
  return {
    models,
    notes: notesOn(
      catalogue,
      named.filter((model) => Object.hasOwn(known, model)),
      known,
      terms,
      nowMs,
    ),
  };
}

const FREE: CataloguePrices = { input: '0', output: '0' };

const unknownModel = (kinds: readonly Kind[]): CatalogueModel => ({ serves: kinds.slice(0, 1), context_tokens: 0, prices: {} });

const generates = (serves: readonly Kind[]): boolean => serves.some((kind) => ['chat', 'completions', 'responses'].includes(kind));

const isPriced = (serves: readonly Kind[], prices: CataloguePrices): boolean =>
  prices['request'] !== undefined || (prices['input'] !== undefined && (!generates(serves) || prices['output'] !== undefined));

function allOf(known: Readonly<Record<string, CatalogueModel>>, name: string, nowMs: number): readonly string[] {
  const all = Object.keys(known).filter((model) => !hasEnded(known[model] as CatalogueModel, nowMs));
  if (all.length === 0) throw new UsageError(`the catalogue has no models of ${name}: name some with --model`);
  if (all.length <= UPSTREAM_LIMITS.upstreamModelsMaxCount) return all;
  throw new UsageError(
    `the catalogue has ${all.length} models of ${name}: name those that you want with --model (sluice upstreams catalogue ${name})`,
  );
}

function notesOn(
  catalogue: PriceCatalogue,
  named: readonly string[],
  known: Readonly<Record<string, CatalogueModel>>,
  { price }: ModelTerms,
  nowMs: number,
): readonly string[] {
  if (named.length === 0) return [];
  const dearer = named.filter((model) => price === undefined && known[model]?.above !== undefined);
  const ended = named.filter((model) => hasEnded(known[model] as CatalogueModel, nowMs));
  return [
    ...(price === undefined ? [ageText(catalogue, nowMs)] : []),
    ...dearer.map((model) => `${model}: ${stepText(known[model]?.above)}`),
    ...ended.map((model) => `${model}: its provider has ended it on ${known[model]?.until}`),
  ];
}

function stepText(above: CatalogueModel['above']): string {
  const prices = Object.entries(above?.prices ?? {}).map(([price, usd]) => `${price} ${usd}`);
  return `prompts of more than ${above?.tokens} tokens cost more at the provider (${prices.join(', ')}), and are billed here at the lower price`;
}
