import { COMPLETION_LIMITS } from '../completions/completion-limits.ts';

/** Limits of upstreams: servers of models that others run. See `LIMITS`. */
export const UPSTREAM_LIMITS = {
  ...COMPLETION_LIMITS,
  // Of one owner: each isolate that calls one holds all of them in memory, and one page lists them.
  upstreamsMaxCount: 100,
  // Of one upstream: an aggregator has some hundred.
  upstreamModelsMaxCount: 256,
  // Of the description of one upstream: a third of the 2 MB of a row, and what an isolate may have to hold a hundred times.
  upstreamBytesMax: 128 * 1024,
  // As long as servers take one.
  upstreamUrlCharsMax: 2_048,
  // The longest secrets are signed tokens of some kilobytes.
  upstreamSecretCharsMax: 8_192,
  // The last four characters of a shorter secret would reveal too much of it.
  upstreamSecretHintedCharsMin: 16,
  // Aggregators name models by their maker, their name and their settings.
  upstreamModelNameCharsMax: 128,
  // Weights are relative: more than this apart, a target gets nothing.
  upstreamWeightMax: 1_000,
  // Calls under way at once, of all isolates together: more than any server takes.
  upstreamConcurrencyMax: 100_000,
  // A higher rate limits nothing in practice.
  upstreamRateMax: 1_000_000_000_000,
  // The longest contexts have ten million tokens.
  upstreamTokensMax: 100_000_000,
  // 1,000 USD for a million tokens, and for a request: any product of prices and tokens stays exact.
  upstreamPriceNanoMax: 1_000_000_000_000,
  // The handshake of a server at the other end of the world takes a second; one that takes a minute is down.
  upstreamConnectMsMax: 60_000,
  // Reasoning models take minutes to their first token. Clients wait no longer than this.
  upstreamAnswerMsMax: 600_000,
  // The longest answers that models give take half an hour.
  upstreamTotalMsMax: 3_600_000,
  // After this time an isolate reads the upstreams again, to see changes.
  upstreamFreshMs: 1_000,
  // From this age of its copy on, an isolate reads the upstreams again in the background.
  upstreamRenewedAfterMs: 500,
  // How long an isolate uses its copy while the object does not answer: as long as for keys.
  upstreamStaleMs: 300_000,
  // How old what an isolate knows of the replicas of a job may be. Calls leave one that is gone at once; one that has come waits so long for its first.
  upstreamReplicasFreshMs: 3_000,
  // While the scheduler does not answer. Longer, and another machine may have the address of a replica by then.
  upstreamReplicasStaleMs: 60_000,
  // Jobs whose replicas an isolate holds: as many as owners whose upstreams it holds.
  upstreamGroupsKnownMaxCount: 1_000,
  // Of all of them together, 1 kB a replica.
  upstreamGroupsKnownBytesMax: 4 * 1024 * 1024,
  // Owners whose upstreams an isolate holds.
  upstreamOwnersKnownMaxCount: 1_000,
  // Bytes of these copies, secrets included.
  upstreamDirectoryBytesMax: 16 * 1024 * 1024,
  // Of the answer to a check: the list of an aggregator's models is some hundred kilobytes.
  upstreamCheckBytesMax: 4 * 1024 * 1024,
  // A check waits so long for an answer: people wait for it.
  upstreamCheckTimeoutMs: 10_000,
} as const;
