const NO_SNAPSHOTS = 'vectors are exported by `GET /v1/indexes/{index}/export`, and imported by `POST /v1/indexes/{index}/import`';
const NO_CLUSTER = 'an index splits and is replicated by itself: `GET /v1/indexes/{index}/stats` returns the number of shards';
const NO_DISCOVERY = 'search by `nearest` or `recommend`';

/** What Qdrant's API has and this one has not, by the path (any method), and what to use instead. */
export const QDRANT_NOT_OFFERED: ReadonlyMap<string, string> = new Map([
  ['/qdrant/telemetry', 'metrics are at `/metrics`, and what was used at `/v1/usage`'],
  ['/qdrant/metrics', 'the metrics of the gateway are at `/metrics`'],
  ['/qdrant/issues', 'metrics are at `/metrics`'],
  ['/qdrant/locks', 'suspend the tenant, or use a key without `index:write`'],
  ['/qdrant/cluster', NO_CLUSTER],
  ['/qdrant/cluster/*', NO_CLUSTER],
  ['/qdrant/collections/:collection/cluster', NO_CLUSTER],
  ['/qdrant/collections/:collection/shards', NO_CLUSTER],
  ['/qdrant/collections/:collection/shards/*', NO_CLUSTER],
  ['/qdrant/snapshots', NO_SNAPSHOTS],
  ['/qdrant/snapshots/*', NO_SNAPSHOTS],
  ['/qdrant/collections/:collection/snapshots', NO_SNAPSHOTS],
  ['/qdrant/collections/:collection/snapshots/*', NO_SNAPSHOTS],
  ['/qdrant/collections/:collection/points/discover', NO_DISCOVERY],
  ['/qdrant/collections/:collection/points/discover/batch', NO_DISCOVERY],
  ['/qdrant/collections/:collection/points/search/matrix/*', 'ask for the nearest of each point by `points/query/batch`'],
]);
