/** What each metric of `/metrics` says, in the words of docs/operations.md. One that is missing here cannot be counted. */
export const METRIC_HELP = {
  sluice_cache_answers_total: 'Inputs, by cache, model and what answered them.',
  sluice_cache_bytes: "Bytes that the isolate's caches hold.",
  sluice_cache_entries: "Entries that the isolate's caches hold.",
  sluice_cache_evictions_total: 'Entries that left a cache for want of room.',
  sluice_cache_hit_age_seconds: 'Ages of what caches answered.',
  sluice_cache_shard_failures_total: 'Calls to the second level of the cache that failed.',
  sluice_calls_waiting: 'Calls that wait for computing.',
  sluice_model_load_seconds: 'Loads of the models of the deployment.',
  sluice_model_texts_total: 'Texts of registered models, by whether their run was their own or shared with others.',
  sluice_quota_messages_total: 'Messages to quota objects.',
  sluice_refusals_total: 'Refusals, by code.',
  sluice_request_body_bytes: 'Memory that request bodies take now.',
  sluice_request_duration_seconds: 'Durations of requests, by route.',
  sluice_requests_total: 'Requests, by route, method and status.',
  sluice_requests_unlogged_total: 'Calls that the request log had no room for.',
  sluice_shard_reads: 'Calls to shards, hedges, hedges that won, failovers and partial answers.',
  sluice_streams_total: 'Streams of upstreams, by whether they were passed through or relayed.',
  sluice_upstream_attempts_total: 'Attempts at upstreams, by outcome.',
  sluice_upstream_outstanding_calls: 'Calls under way at upstreams.',
  sluice_upstream_outstanding_tokens: 'Tokens that the calls under way at upstreams may take.',
  sluice_upstream_targets: 'Models of upstreams, by the state of their circuit breakers.',
  sluice_upstream_waiting_requests: 'Requests that wait for a place at an upstream.',
  sluice_usage_lost_total: 'Usage events that found no room.',
} as const;

export type MetricName = keyof typeof METRIC_HELP;
