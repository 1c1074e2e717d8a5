/** Limits of how calls are spread over upstreams, tried again and made to wait. See `LIMITS`. */
export const UPSTREAM_SERVING_LIMITS = {
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
