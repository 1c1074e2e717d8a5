import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import { STRONG } from '../../ann/replication/read-consistency.ts';
import type { AnswerOf, RequestOf, ShardWrite } from '../../ann/shard-operations.ts';
import type { ShardStats } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { Authority } from '../../contract/write-lease.ts';
import type { Reading, ShardReads } from '../fan-out/shard-reads.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { IndexRead, IndexShards, ShardSet } from './index-shards.ts';
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
    return routeVersion === 0 ? new OnlyShard(manifest, this.#calls, this.#reads) : new ManyShards(manifest, this.#located);
  }
}

/** The shard of an index that has one, which answers for itself. */
class OnlyShard implements ShardSet {
  readonly #manifest: IndexManifest;
  readonly #calls: ShardCalls;
  readonly #reads: ShardReads;

  constructor(manifest: IndexManifest, calls: ShardCalls, reads: ShardReads) {
    this.#manifest = manifest;
    this.#calls = calls;
    this.#reads = reads;
  }

  query(query: RequestOf<'query'>, reading: Reading = { consistency: STRONG }): AnswerOf<'query'> {
    return this.#reads.query(this.#manifest, query, reading);
  }

  fetch(fetch: RequestOf<'fetch'>, consistency: ReadConsistency = STRONG): AnswerOf<'fetch'> {
    return this.#reads.fetch(this.#manifest, fetch, consistency);
  }

  read<Name extends IndexRead>(name: Name, request: RequestOf<Name>): AnswerOf<Name> {
    return this.#calls.read(this.#manifest, 0, name, request);
  }

  write<Name extends ShardWrite>(name: Name, request: RequestOf<Name>, authority: Authority | null): AnswerOf<Name> {
    return this.#calls.write(this.#manifest, name, request, authority);
  }

  lsn(): Promise<Outcome<number>> {
    return this.#calls.lsn(this.#manifest);
  }

  stats(): Promise<Outcome<ShardStats>> {
    return this.#calls.stats(this.#manifest, 0);
  }
}
