import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { IndexId } from '../../kernel/ids.ts';
import type { ShardLoad } from './load-meter.ts';
import type { ReplicaPressure } from './replica-policy.ts';
import { decideReplicas, NO_PRESSURE } from './replica-policy.ts';
import type { ShardReplica } from '../index-manifest.ts';

/** A replica, its state, and since when it has been in it. Only ready ones are announced to readers. */
export interface KeptReplica extends ShardReplica {
  /** The generation whose shard it follows. */
  readonly indexId: IndexId;
  readonly state: 'copying' | 'ready' | 'retiring';
  readonly sinceMs: number;
}

/** The stored state of an index's replicas. */
export interface ReplicaRecord {
  /** The highest number that a replica was ever given. */
  readonly highest: number;
  readonly replicas: readonly KeptReplica[];
  /** Shards that reported to be busy, or have replicas, by ordinal. */
  readonly watched: Readonly<Record<number, ReplicaPressure>>;
}

export const NO_REPLICAS: ReplicaRecord = { highest: 0, replicas: [], watched: {} };

/** Where a record is kept. */
interface RecordCell {
  get(): ReplicaRecord | undefined;
  put(record: ReplicaRecord): void;
}

/** How busy a shard is, and where most of the reads come from that a replica could answer; null where that is not known. */
export interface PrimaryState {
  readonly load: ShardLoad;
  readonly location: string | null;
  /** The LSN of its last write. */
  readonly lsn: number;
}

/** RPCs of an index about replicas. Repeating a call changes nothing; undefined when no object answers. */
export interface ReplicaPeers {
  /** The generation that serves. */
  readonly indexId: IndexId;
  primary(shard: number): Promise<PrimaryState | undefined>;
  /** Tries to have everything up to `lsnMin`, if that is given, before it answers. */
  replica(replica: KeptReplica, lsnMin?: number): Promise<{ readonly completeLsn: number | null; readonly load: ShardLoad } | undefined>;
  open(replica: KeptReplica): Promise<void>;
  erase(replica: KeptReplica): Promise<void>;
}

/** What routes mean for replicas. */
export interface ReplicaRoutes {
  readonly shards: ReadonlySet<number>;
  /** Shards to which rows of others are being moved. */
  readonly receiving: ReadonlySet<number>;
}

/**
 * The replicas of one index: created for shards that are busy and retired when they are cold. Each step is stored before it is done, so an
 * interrupted one is completed by the next `tend`. One call at a time.
 */
export class IndexReplicas {
  readonly #cell: RecordCell;
  readonly #peers: ReplicaPeers;

  constructor(cell: RecordCell, peers: ReplicaPeers) {
    this.#cell = cell;
    this.#peers = peers;
  }

  /** The replicas that answer reads. */
  get ready(): readonly ShardReplica[] {
    return this.#record.replicas.flatMap(({ shard, replica, location, state }) =>
      state === 'ready' ? [{ shard, replica, location }] : [],
    );
  }

  /** All replicas that may exist, for erasing them. */
  get all(): readonly KeptReplica[] {
    return this.#record.replicas;
  }

  /** Shards that have replicas, or are busy enough that they may get some. */
  get shards(): ReadonlySet<number> {
    const { replicas, watched } = this.#record;
    return new Set([...replicas.map(({ shard }) => shard), ...Object.keys(watched).map(Number)]);
  }

  get isWatching(): boolean {
    return Object.keys(this.#record.watched).length > 0 || this.#record.replicas.length > 0;
  }

  /** A shard reports that it is busy: from now on it is watched. */
  watch(shard: number): void {
    const { watched, ...rest } = this.#record;
    if (watched[shard] === undefined) this.#cell.put({ ...rest, watched: { ...watched, [shard]: NO_PRESSURE } });
  }

  /**
   * Called before routes are published. Replicas of shards that no longer exist are removed, too. Those of a shard that is receiving rows
   * are not announced until they have all of them: one that lags behind would miss rows that were written long ago.
   */
  follow({ shards, receiving }: ReplicaRoutes, nowMs: number): void {
    const { watched, replicas, highest } = this.#record;
    const left = Object.fromEntries(Object.entries(watched).filter(([shard]) => shards.has(Number(shard))));
    const followed = replicas.map((replica): KeptReplica => {
      if (!shards.has(replica.shard)) return retiring(replica, nowMs);
      return replica.state === 'ready' && receiving.has(replica.shard) ? { ...replica, state: 'copying', sinceMs: nowMs } : replica;
    });
    this.#cell.put({ highest, watched: left, replicas: followed });
  }

  /** Another generation serves from now on. */
  retireAll(nowMs: number): void {
    const { replicas, highest } = this.#record;
    this.#cell.put({ highest, watched: {}, replicas: replicas.map((replica) => retiring(replica, nowMs)) });
  }

  /** Examines the watched shards, and does what their load requires; returns when to continue, or undefined. `receiving`: see `ReplicaRoutes`. */
  async tend(nowMs: number, receiving: ReadonlySet<number> = new Set()): Promise<number | undefined> {
    for (const replica of this.#record.replicas) await this.#tendReplica(replica, receiving.has(replica.shard), nowMs);
    for (const shard of Object.keys(this.#record.watched)) await this.#tendShard(Number(shard), nowMs);
    return this.isWatching ? nowMs + INDEX_LIMITS.replicaTendMs : undefined;
  }

  async #tendReplica(replica: KeptReplica, isReceiving: boolean, nowMs: number): Promise<void> {
    if (replica.state === 'copying') {
      // It may have been interrupted before it was opened.
      await this.#peers.open(replica);
      const primary = isReceiving ? undefined : await this.#peers.primary(replica.shard);
      if (primary === undefined) return;
      const copied = await this.#peers.replica(replica, primary.lsn);
      const isWhole = copied !== undefined && copied.completeLsn !== null && copied.completeLsn >= primary.lsn;
      if (isWhole) this.#change(replica, { ...replica, state: 'ready', sinceMs: nowMs });
    } else if (replica.state === 'retiring' && nowMs - replica.sinceMs >= INDEX_LIMITS.replicaGraceMs) {
      await this.#peers.erase(replica);
      this.#change(replica, undefined);
    }
  }

  async #tendShard(shard: number, nowMs: number): Promise<void> {
    const own = this.#record.replicas.filter((one) => one.shard === shard && one.state !== 'retiring');
    // One change at a time: what a replica takes off is seen when it is ready.
    if (own.some(({ state }) => state === 'copying')) return;
    const primary = await this.#peers.primary(shard);
    const states = await Promise.all(own.map((replica) => this.#peers.replica(replica)));
    if (primary === undefined || states.includes(undefined)) return;
    const load = {
      exclusive: primary.load.exclusive,
      sharable: states.reduce((sum, state) => sum + (state?.load.sharable ?? 0), primary.load.sharable),
    };
    const { kind, pressure } = decideReplicas(load, own.length, this.#record.watched[shard] ?? NO_PRESSURE, nowMs);
    const isIdle = own.length === 0 && kind === 'keep' && pressure.busySinceMs === null;
    this.#press(shard, isIdle ? undefined : pressure);
    if (kind === 'add') await this.#add(shard, primary.location, nowMs);
    const last = own.at(-1);
    if (kind === 'retire' && last !== undefined) this.#change(last, retiring(last, nowMs));
  }

  async #add(shard: number, location: string | null, nowMs: number): Promise<void> {
    const { highest, replicas, watched } = this.#record;
    const { indexId } = this.#peers;
    const added: KeptReplica = { indexId, shard, replica: highest + 1, location, state: 'copying', sinceMs: nowMs };
    this.#cell.put({ highest: highest + 1, replicas: [...replicas, added], watched });
    await this.#peers.open(added);
  }

  #press(shard: number, pressure: ReplicaPressure | undefined): void {
    const { [shard]: _, ...others } = this.#record.watched;
    this.#cell.put({ ...this.#record, watched: pressure === undefined ? others : { ...others, [shard]: pressure } });
  }

  #change({ replica }: KeptReplica, to: KeptReplica | undefined): void {
    const replicas = this.#record.replicas.flatMap((one) => (one.replica === replica ? (to ?? []) : one));
    this.#cell.put({ ...this.#record, replicas });
  }

  get #record(): ReplicaRecord {
    return this.#cell.get() ?? NO_REPLICAS;
  }
}

const retiring = (replica: KeptReplica, nowMs: number): KeptReplica =>
  replica.state === 'retiring' ? replica : { ...replica, state: 'retiring', sinceMs: nowMs };
