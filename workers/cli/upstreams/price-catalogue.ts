import { readFileSync } from 'node:fs';

import type { Kind } from './provider.ts';

/** US dollars as an exact decimal, by what is paid for, as `prices` of a model of an upstream has them. */
export type CataloguePrices = Readonly<Record<string, string>>;

/** What is published of a model. */
export interface CatalogueModel {
  readonly serves: readonly Kind[];
  /** What its provider calls it, where that cannot be its name here. */
  readonly upstream_name?: string;
  readonly context_tokens: number;
  readonly output_tokens_max?: number;
  readonly prices: CataloguePrices;
  /** The day on which its provider ends it, as `2027-01-14`. */
  readonly until?: string;
  /** What prompts of more tokens than that cost: prices of an upstream's model have one step. */
  readonly above?: { readonly tokens: number; readonly prices: CataloguePrices };
}

/** Models of providers with the prices of a day. */
export interface PriceCatalogue {
  /** Where it is from, with the version, its address and its licence. */
  readonly source: string;
  readonly address: string;
  readonly licence: string;
  /** The day of the prices, as `2026-11-20`. */
  readonly as_of: string;
  /** By the provider's name here, then by the name of the model. */
  readonly providers: Readonly<Record<string, Readonly<Record<string, CatalogueModel>>>>;
}

/** Prices change some times a year: older ones are shown with a warning. */
export const FRESH_DAYS = 90;

const FILE = new URL('price-catalogue.json', import.meta.url);
let loaded: PriceCatalogue | undefined;

/** That of this version of Sluice. */
export function priceCatalogue(): PriceCatalogue {
  loaded ??= JSON.parse(readFileSync(FILE, 'utf8')) as PriceCatalogue;
  return loaded;
}

const DAY_MS = 86_400_000;

/** How old the prices are, in a line; from `FRESH_DAYS` on with what to do. */
export function ageText({ as_of: asOf, source }: PriceCatalogue, nowMs: number): string {
  const days = Math.floor((nowMs - Date.parse(asOf)) / DAY_MS);
  const line = `prices as of ${asOf}, from ${source}`;
  return days <= FRESH_DAYS
    ? line
    : `${line}\nwarning: they are ${days} days old: compare them with those of the provider, or update the catalogue`;
}

/** Whether its provider has ended it by then. */
export const hasEnded = ({ until }: CatalogueModel, nowMs: number): boolean => until !== undefined && Date.parse(until) <= nowMs;
