import { STRONG } from '../../ann/replication/read-consistency.ts';
import type { ShardReads } from '../fan-out/shard-reads.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { IndexShards, ShardSet } from './index-shards.ts';
import type { ManyShardsParts } from './many-shards.ts';
import { LocatedOperations, ManyShards } from './many-shards.ts';
import type { ShardCalls } from './shard-calls.ts';

interface RoutedShardsParts extends ManyShardsParts {
  /** Reads of a shard that a replica may answer. */
  readonly reads: ShardReads;
}

/**
 * One shard or many is decided here, once a call. An index with one is asked directly: its shard refuses with `stale_route` once there are
 * more, and the manifest cache fetches the manifest with routes.
 */
export class RoutedShards implements IndexShards {
  readonly #calls: ShardCalls;
  readonly #reads: ShardReads;
  readonly #located: LocatedOperations;

  constructor({ reads, ...parts }: RoutedShardsParts) {
    this.#calls = parts.shards;
    this.#reads = reads;
    this.#located = new LocatedOperations(parts);
  }

  of(manifest: IndexManifest): ShardSet {
    const { routeVersion = 0 } = manifest;
    return routeVersion === 0 ? onlyShard(manifest, this.#calls, this.#reads) : new ManyShards(manifest, this.#located);
  }
}

/** The shard of an index that has one, which answers for itself. */
const onlyShard = (manifest: IndexManifest, calls: ShardCalls, reads: ShardReads): ShardSet => ({
  query: (query, reading = { consistency: STRONG }) => reads.query(manifest, query, reading),
  searchFields: (asked, reading = { consistency: STRONG }) => {
    // Its own counts are those of the index.
    const { statistics: _, ...search } = asked;
    return reads.searchFields(manifest, search, reading);
  },
  fetch: (fetch, consistency = STRONG) => reads.fetch(manifest, fetch, consistency),
  read: (name, request) => calls.read(manifest, 0, name, request),
  write: (name, request, authority) => calls.write(manifest, name, request, authority),
  lsn: () => calls.lsn(manifest),
  stats: () => calls.stats(manifest, 0),
});
