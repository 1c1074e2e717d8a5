/** How an index compares vectors; `src/ann` says what the scores mean. */
export const METRICS = ['cosine', 'dot', 'l2'] as const;

export type Metric = (typeof METRICS)[number];

/** The share of the true nearest neighbours that the searches of an index are tuned to find. More of them take more memory and time. */
export const RECALL_TARGETS = [0.95, 0.99] as const;

export type RecallTarget = (typeof RECALL_TARGETS)[number];

/** What an index means that was created without a target. */
export const RECALL_TARGET_DEFAULT: RecallTarget = 0.95;
