/** Stands in for limits of what other Workers do, in the gateway's bundle. A test holds the bundle to naming none of them. */
export const TENANCY_LIMITS = {};
export const SHARD_LIMITS = {};
export const RUN_LIMITS = {};
export const JOB_LIMITS = {};
export const POOL_LIMITS = {};
export const QUEUE_LIMITS = {};
export const CLUSTER_LIMITS = {};
export const TRANSFER_LIMITS = {};
export const GRAPH_LIMITS = {};
export const UPSTREAM_LIMITS = {};
export const UPSTREAM_SERVING_LIMITS = {};
export const ROUTE_LIMITS = {};
export const REQUEST_LOG_LIMITS = {};
