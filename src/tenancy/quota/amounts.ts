import type { Quantities } from '../../contract/meter.ts';

/** What quotas count. Tokens are all tokens, computed or cached. */
export const RESOURCES = ['requests', 'tokens'] as const;

export type Resource = (typeof RESOURCES)[number];

/** Whole units of each resource. */
export type Amounts = Readonly<Record<Resource, number>>;

export const NOTHING: Amounts = { requests: 0, tokens: 0 };

export const combine = (a: Amounts, b: Amounts, of: (a: number, b: number) => number): Amounts => ({
  requests: of(a.requests, b.requests),
  tokens: of(a.tokens, b.tokens),
});

export const plus = (a: Amounts, b: Amounts): Amounts => combine(a, b, (x, y) => x + y);

/** Never below zero. */
export const minus = (a: Amounts, b: Amounts): Amounts => combine(a, b, (x, y) => Math.max(0, x - y));

export const covers = (a: Amounts, b: Amounts): boolean => RESOURCES.every((resource) => a[resource] >= b[resource]);

export const isNothing = (a: Amounts): boolean => RESOURCES.every((resource) => a[resource] === 0);

/** The part of metered quantities that quotas limit. */
export const amountsOf = (quantities: Quantities): Amounts => ({
  requests: quantities.requests ?? 0,
  tokens: (quantities.embedding_tokens ?? 0) + (quantities.embedding_cached_tokens ?? 0),
});
