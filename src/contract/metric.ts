/** How an index compares vectors; `src/ann` says what the scores mean. */
export const METRICS = ['cosine', 'dot', 'l2'] as const;

export type Metric = (typeof METRICS)[number];
