import { COMPLETION_LIMITS } from './completion-limits.ts';

/** Limits of upstreams: servers of models that others run. See `LIMITS`. */
export const UPSTREAM_LIMITS = {
  ...COMPLETION_LIMITS,
  // Of one owner: each isolate that calls one holds all of them in memory, and one page lists them.
  upstreamsMaxCount: 100,
  // Of one upstream: an aggregator has some hundred; a record with all of them stays far below the 2 MB of a row.
  upstreamModelsMaxCount: 256,
} as const;
