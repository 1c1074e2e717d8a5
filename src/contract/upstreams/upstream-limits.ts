/** Limits of upstreams, servers of models that others run: of their settings, and of how calls are spread, tried again and made to wait. */
export const UPSTREAM_LIMITS = {
  // Of one owner: each isolate that calls one holds all of them in memory, and one page lists them.
  upstreamsMaxCount: 100,
  // Of one upstream: an aggregator has some hundred.
  upstreamModelsMaxCount: 256,
  // Of the description of one upstream: a third of the 2 MB of a row, and what an isolate may have to hold a hundred times.
  upstreamBytesMax: 128 * 1024,
  // The longest secrets are signed tokens of some kilobytes.
  upstreamSecretCharsMax: 8_192,
  // The last four characters of a shorter secret would reveal too much of it.
  upstreamSecretHintedCharsMin: 16,
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
  // Prices of images of one model, by quality and size: the longest list that is published has nine.
  upstreamImagePricesMaxCount: 64,
  // Searches of the web in one call: each makes its model read all again.
  upstreamWebSearchesMax: 100,
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
  // Outcomes of a target are judged over this time: long enough for several calls of a slow model, short enough to forget a restart.
  upstreamWindowMs: 10_000,
  // Fewer outcomes than these say nothing about a share of failures.
  upstreamOutcomesMinCount: 8,
  // So many calls in a row without any answer: the server is gone, however few calls there were.
  upstreamFaultsInRowMaxCount: 5,
  // Until the first probe of a target taken to be down. Doubled each time a probe fails.
  upstreamOpenMs: 2_000,
  // A target that was down for long is found again within a minute of its return.
  upstreamOpenMaxMs: 60_000,
  // A probe that is not back by then was lost with its request, and the next one may go.
  upstreamProbeMaxMs: 120_000,
  // Attempts of one request in all groups: more would keep its caller waiting for what is down.
  upstreamAttemptsMaxCount: 6,
  // Attempts of one request within a group, before the next group is asked.
  upstreamGroupAttemptsMaxCount: 3,
  // Attempts of one request at one target: what failed twice fails a third time.
  upstreamTargetAttemptsMaxCount: 2,
  // The first retry at the same target comes at a random time up to this; each further one up to twice as late.
  upstreamRetryFirstMs: 200,
  // A later retry than this is not worth waiting for.
  upstreamRetryLastMs: 5_000,
  // The longest `retry-after` that a request waits for; a longer one goes to the caller.
  upstreamRetryAfterMaxMs: 20_000,
  // A pause that an upstream asks for counts for no longer: a mistaken header must not take it away for a day.
  upstreamPauseMaxMs: 300_000,
  // What an answer that serves nothing says comes with its head; another target is not kept waiting for it.
  upstreamErrorReadMs: 1_000,
  // A pause longer than this is not waited for where the next group can serve.
  upstreamFallbackAfterMs: 250,
  // Retries at a target that need no calls before them, refilled by one each second: without them a rarely used target would have none.
  upstreamRetryReserveCount: 10,
  // Requests of an isolate that wait for a place at an upstream: each holds its body, so that more would not fit into 128 MB.
  upstreamWaitersMaxCount: 1_024,
  // Longer than most callers wait for a first token.
  upstreamWaitMaxMs: 30_000,
  // A request that has not looked for its place for so long was cancelled by the runtime: the last of the line looks every 1.5 s.
  upstreamWaiterLostMs: 4_000,
  // Targets whose state an isolate keeps, some 2 kB each.
  upstreamTargetsKnownMaxCount: 4_096,
} as const;
