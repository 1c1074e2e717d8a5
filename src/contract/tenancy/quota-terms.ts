/** What is counted while it is consumed, in windows of time. Tokens are all tokens, computed or cached; spend is in nano-dollars. */
export const CONSUMED = ['requests', 'tokens', 'queries', 'accelerator_ms', 'spend_nano'] as const;

/** What is counted while it exists. */
export const HELD = ['vectors', 'jobs'] as const;

/** UTC, and months by the calendar. Shortest first: their order is that of stored counters. */
export const QUOTA_WINDOWS = ['second', 'minute', 'hour', 'day', 'month'] as const;

/** The levels of an organisation, from the top. What is granted to one is granted to all above it. */
export const LEVELS = ['organisation', 'tenant', 'project', 'key'] as const;

export type Consumed = (typeof CONSUMED)[number];
export type Held = (typeof HELD)[number];
export type Resource = Consumed | Held;
export type WindowKind = (typeof QUOTA_WINDOWS)[number];
export type LevelKind = (typeof LEVELS)[number];
