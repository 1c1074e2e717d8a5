import type { UpstreamReply } from '../../../src/contract/upstreams/upstreams.ts';
import { UsageError } from '../command/command.ts';
import type { ModelTerms } from './chosen-models.ts';
import type { PriceCatalogue } from './price-catalogue.ts';

/** A model as the API takes it: what an answer has as null is left out. */
type ModelBody = Readonly<Record<string, unknown>>;

/** The models of an upstream with what the command line says of those that `--model` names. Throws a `UsageError` for one that it has not. */
export function changedModels({ name, models }: Pick<UpstreamReply, 'name' | 'models'>, terms: ModelTerms): readonly ModelBody[] {
  const named = new Set(terms.model);
  for (const one of named)
    if (!models.some((model) => model.name === one))
      throw new UsageError(`${name} has no model ${one}: add it with --models, which says all of them`);
  return models.map((model) => {
    const body = withoutNulls(model);
    if (!named.has(model.name)) return body;
    return {
      ...body,
      ...(terms.contextTokens === undefined ? {} : { context_tokens: terms.contextTokens }),
      ...(terms.outputTokens === undefined ? {} : { output_tokens_max: terms.outputTokens }),
      prices: { ...(body['prices'] as object), ...terms.price },
    };
  });
}

export interface Repriced {
  readonly models: readonly ModelBody[];
  /** Models whose prices the catalogue lacks: they keep those that they have. */
  readonly unknown: readonly string[];
}

/** The models of an upstream with the prices of the catalogue. `provider`: whose they are. */
export function repriced({ models }: Pick<UpstreamReply, 'models'>, provider: string, catalogue: PriceCatalogue): Repriced {
  const known = new Map(Object.entries(catalogue.providers[provider] ?? {}));
  const bodies = models.map((model) => {
    const prices = known.get(model.name)?.prices ?? known.get(model.upstream_name)?.prices;
    return prices === undefined ? withoutNulls(model) : { ...withoutNulls(model), prices };
  });
  const unknown = models.filter(({ name, upstream_name: own }) => !known.has(name) && !known.has(own)).map(({ name }) => name);
  return { models: bodies, unknown };
}

/** Prices are answered in nano-dollars, which whole numbers are. */
function withoutNulls(value: object): Record<string, unknown> {
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, isPlain(member) ? withoutNulls(member) : member]));
}

const isPlain = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
