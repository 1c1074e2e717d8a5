import { expect } from 'vitest';

import type { ReadConsistency } from '../../../src/ann/replication/read-consistency.ts';
import type { FieldQuery } from '../../../src/ann/row-fields.ts';
import { STRONG } from '../../../src/ann/replication/read-consistency.ts';
import type { ShardMatches, ShardVectors, UpsertBatch, Written } from '../../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { IndexShards } from '../../../src/index/shards/index-shards.ts';
import type { GrowthWorld } from './growth-world.ts';
import { contentsOf, LEGS_TO_ALL } from './growth-legs.ts';
import type { ClientOptions, Known, State } from './growth-states.ts';
import { statesNow, statesOf } from './growth-states.ts';
import { GrowthVectors } from './growth-vectors.ts';
import { IN_FORCE } from '../fakes/in-force.ts';

const NAMESPACES = ['', 'en'];
const KEPT = 'kept';
const INCLUDE = { values: false, metadata: true, text: false };

/** Clients that write, delete and read, one write at a time on their own ids, and the states that a read may return. */
export class GrowthClients {
  readonly counts = {
    writes: 0,
    retries: 0,
    reads: 0,
    deletedByFilter: 0,
    readBack: 0,
    oldReads: 0,
    replayed: 0,
    late: 0,
    seenEarly: 0,
    legs: 0,
  };
  readonly #world: GrowthWorld;
  readonly #options: ClientOptions;
  readonly #known = new Map<string, Known>();
  readonly #reads = new Set<Map<string, Set<State>>>();
  /** By client: its writes under idempotency keys, with their answers. */
  readonly #answered = new Map<number, { readonly batch: UpsertBatch; readonly written: Written }[]>();
  readonly #vectors: GrowthVectors;
  /** Gateways for reads that may be stale: some of them have old routes. */
  readonly #gateways: Gateway[];
  /** By id: the serial of a write made after a request on it was given up. */
  readonly #newer = new Map<string, number>();
  #kept: readonly string[] = [];
  #serial = 0;
  #isStopped = false;
  deleteChance: number;
  pauseMsMax: number;
  /** Chance that a client repeats an earlier request instead of a new one. */
  replayChance = 0;

  constructor(world: GrowthWorld, options: ClientOptions, seed: number) {
    this.#world = world;
    this.#options = options;
    this.deleteChance = options.deleteChance;
    this.pauseMsMax = options.pauseMsMax;
    this.#gateways = Array.from({ length: 3 }, () => world.gateway());
    this.#vectors = new GrowthVectors(world, options, seed);
  }

  /** The serials of the last writes of what is there, by id. */
  liveIn(namespace: string): Map<string, number> {
    const live = [...this.#known].filter(([key, { acknowledged }]) => key.startsWith(`${namespace}\0`) && acknowledged !== null);
    return new Map(live.map(([key, { acknowledged }]) => [key.split('\0')[1]!, acknowledged!]));
  }

  get liveCount(): number {
    return [...this.#known.values()].filter(({ acknowledged }) => acknowledged !== null).length;
  }

  /** Works until `stop`, or until `writes` writes are acknowledged. */
  async work(writes = Infinity): Promise<void> {
    this.#isStopped = false;
    const endAt = this.counts.writes + writes;
    const lanes = Array.from({ length: this.#options.clients }, (_, client) => this.#lane(client, endAt));
    await Promise.all([...lanes, this.#reader(endAt), this.#reader(endAt), this.#replicaReader(endAt)]);
  }

  /** Writes vectors that are never written again, so that every read must find them, however stale it is. */
  async settleDown(count: number): Promise<void> {
    const gateway = this.#world.gateway();
    const { id: indexId } = this.#world.manifest;
    const ids = Array.from({ length: count }, (_, i) => `kept-${i}`);
    const columns = {
      ...this.#vectors.of(count),
      metadata: ids.map(() => null),
      texts: ids.map(() => null),
      namespaces: ids.map(() => KEPT),
      ...this.#contentsOf(ids.map((_, i) => i)),
    };
    await this.#acknowledged(gateway, (shards, manifest) =>
      shards.of(manifest).write('upsert', { indexId, ids, ...columns, repetition: null }, IN_FORCE),
    );
    this.#kept = ids;
  }

  /** Eventually consistent reads find every vector of `settleDown` exactly once, wherever it is being moved. */
  async #replicaReader(endAt: number): Promise<void> {
    const gateway = this.#world.gateway();
    while (!this.#isStopped && this.counts.writes < endAt) {
      const { ids } = await this.#query(gateway, KEPT, true, { kind: 'eventual' });
      expect(new Set(ids).size, 'no id is found twice').toBe(ids.length);
      expect(
        this.#kept.filter((id) => !ids.includes(id)),
        `missed at ${this.#world.nowMs}`,
      ).toEqual([]);
      this.counts.oldReads += 1;
      await new Promise<void>((resolve) => this.#world.after(40, resolve));
    }
  }

  /** A read at the LSN of a client's last write returns all its vectors as written, from whichever shard or replica answers. */
  async #readBack(client: number, namespace: string, lsn: number): Promise<void> {
    const gateway = this.#pick(this.#gateways);
    const states = this.#keysOf(client)
      .filter((key) => key.startsWith(`${namespace}\0`))
      .map((key): [string, State] => [key.slice(namespace.length + 1), this.#known.get(key)?.acknowledged ?? null]);
    const found = await this.#query(gateway, namespace, true, { kind: 'min-lsn', lsn });
    const there = statesOf(found);
    const wrong = states.filter(([id, state]) => (there.get(id) ?? null) !== state);
    expect(wrong, `what was written by ${lsn}, at ${this.#world.nowMs}`).toEqual([]);
    this.counts.readBack += 1;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async deleteAll(): Promise<void> {
    for (const key of this.#known.keys()) this.#begin(key, null);
    const { id: indexId } = this.#world.manifest;
    await this.#acknowledged(this.#world.gateway(), (shards, manifest) =>
      shards.of(manifest).write('delete', { indexId, selection: { kind: 'all' } }, IN_FORCE),
    );
    for (const key of this.#known.keys()) this.#end(key, null);
    this.#kept = [];
  }

  /** While nothing is written: fetching, searching and counting each find everything exactly once. */
  async expectExactly(): Promise<void> {
    const gateway = this.#world.gateway();
    for (const namespace of NAMESPACES) {
      const expected = new Map(
        [...this.#known]
          .filter(([key]) => key.startsWith(`${namespace}\0`))
          .map(([key, { acknowledged }]) => [key.split('\0')[1]!, acknowledged]),
      );
      const live = [...expected].filter(([, state]) => state !== null);
      expect(statesOf(await this.#query(gateway, namespace, true))).toEqual(new Map(live));
      expect(statesOf(await this.#fetch(gateway, namespace, [...expected.keys()]))).toEqual(new Map(live));
    }
    const stats = await gateway.using((shards, manifest) => shards.of(manifest).stats());
    expect(stats).toMatchObject({ ok: true, value: { count: this.liveCount + this.#kept.length } });
  }

  async #lane(client: number, endAt: number): Promise<void> {
    const gateway = this.#world.gateway();
    const { random } = this.#world;
    while (!this.#isStopped && this.counts.writes < endAt) {
      const [again, kind] = [random.next(), random.next()];
      if (again < this.replayChance) await this.#replay(gateway, client);
      else if (again < this.replayChance * 1.3) await this.#finishLate(gateway, client);
      else if (kind < this.deleteChance * 0.2) await this.#deleteByFilter(gateway, client);
      else if (kind < this.deleteChance) await this.#deleteIds(gateway, client);
      else await this.#upsert(gateway, client);
      this.counts.writes += 1;
      await new Promise<void>((resolve) => this.#world.after(random.next() * this.pauseMsMax, resolve));
    }
  }

  async #reader(endAt: number): Promise<void> {
    const gateway = this.#world.gateway();
    while (!this.#isStopped && this.counts.writes < endAt) {
      const namespace = this.#pick(NAMESPACES);
      const allowed = new Map(
        [...this.#known].filter(([key]) => key.startsWith(`${namespace}\0`)).map(([key, known]) => [key, statesNow(known)]),
      );
      this.#reads.add(allowed);
      const kind = this.#world.random.next();
      const asked = [...allowed.keys()].map((key) => key.split('\0')[1]!);
      const ids = kind < 0.4 ? asked.filter(() => this.#world.random.next() < 0.2) : asked;
      const found = kind < 0.4 ? await this.#fetch(gateway, namespace, ids) : await this.#query(gateway, namespace, kind < 0.8);
      this.#reads.delete(allowed);
      this.counts.reads += 1;
      const states = statesOf(found);
      const statesOfId = (id: string): ReadonlySet<State> => allowed.get(`${namespace}\0${id}`) ?? new Set();
      const never = [...states].filter(([id, state]) => !statesOfId(id).has(state));
      expect(never, `what was found by ${kind} at ${this.#world.nowMs} and never there`).toEqual([]);
      if (kind >= 0.8) continue;
      // An id that existed during the whole read is found.
      const lost = ids.filter((id) => statesOfId(id).size === 1 && !statesOfId(id).has(null) && !states.has(id));
      expect(lost, `what was not found by ${kind} at ${this.#world.nowMs} and was there`).toEqual([]);
      await new Promise<void>((resolve) => this.#world.after(60, resolve));
    }
  }

  async #upsert(gateway: Gateway, client: number, keys = this.#someKeys(client)): Promise<void> {
    const { batch, serials } = this.#batchOf(client, keys, this.#world.random.next() < 0.5);
    keys.forEach((key, i) => this.#begin(key, serials[i]!));
    const written = await this.#acknowledged(gateway, (shards, manifest) => shards.of(manifest).write('upsert', batch, IN_FORCE));
    expect(written.count).toBe(keys.length);
    keys.forEach((key, i) => this.#end(key, serials[i]!));
    if (batch.repetition !== null) this.#answered.set(client, [...(this.#answered.get(client) ?? []), { batch, written }]);
    if (this.#world.random.next() < 0.5) await this.#readBack(client, this.#pick(NAMESPACES), written.lsn);
  }

  /** Repeating an old request returns its first answer and changes nothing that was written or deleted since. */
  async #replay(gateway: Gateway, client: number): Promise<void> {
    const answered = this.#answered.get(client) ?? [];
    if (answered.length === 0) return;
    const { batch, written } = this.#pick(answered);
    expect(await this.#acknowledged(gateway, (shards, manifest) => shards.of(manifest).write('upsert', batch, IN_FORCE))).toEqual(written);
    this.counts.replayed += 1;
  }

  /**
   * Tries a request once and ignores the outcome, then writes some of its ids by other requests, then repeats it. Each of its vectors is
   * written at one point in time: a value that was seen before the other write is not seen after it.
   */
  async #finishLate(gateway: Gateway, client: number): Promise<void> {
    const keys = this.#someKeys(client);
    const { batch, serials } = this.#batchOf(client, keys, true);
    keys.forEach((key, i) => this.#begin(key, serials[i]!));
    const tried = await gateway.using((shards, manifest) => shards.of(manifest).write('upsert', batch, IN_FORCE));
    const early = await this.#statesOf(gateway, keys);
    const others = keys.filter(() => this.#world.random.next() < 0.7);
    if (others.length > 0) await this.#upsertBeside(gateway, client, others);
    const written = await this.#acknowledged(this.#pick(this.#gateways), (shards, manifest) =>
      shards.of(manifest).write('upsert', batch, IN_FORCE),
    );
    expect(written).toMatchObject({ count: keys.length });
    if (tried.ok) expect(written).toEqual(tried.value);
    for (const [key, state] of await this.#statesOf(gateway, keys)) {
      const [serial, newer] = [serials[keys.indexOf(key)]!, this.#newer.get(key)];
      const isFirst = tried.ok || early.get(key) === serial;
      expect(newer === undefined ? [serial] : isFirst ? [newer] : [newer, serial], `${key} at ${this.#world.nowMs}`).toContain(state);
      if (newer !== undefined && !tried.ok && isFirst) this.counts.seenEarly += 1;
      this.#newer.delete(key);
      this.#end(key, state);
    }
    this.counts.late += 1;
  }

  /** Writes ids that another write in progress may also write. */
  async #upsertBeside(gateway: Gateway, client: number, keys: readonly string[]): Promise<void> {
    const { batch, serials } = this.#batchOf(client, keys, false);
    keys.forEach((key, i) => {
      this.#begin(key, serials[i]!);
      this.#newer.set(key, serials[i]!);
    });
    await this.#acknowledged(gateway, (shards, manifest) => shards.of(manifest).write('upsert', batch, IN_FORCE));
  }

  #batchOf(client: number, keys: readonly string[], hasKey: boolean): { batch: UpsertBatch; serials: number[] } {
    const { id: indexId } = this.#world.manifest;
    const serials = keys.map(() => (this.#serial += 1));
    const batch = {
      indexId,
      ids: keys.map((key) => key.split('\0')[1]!),
      namespaces: keys.map((key) => key.split('\0')[0]!),
      ...this.#vectors.of(keys.length),
      metadata: serials.map((serial, i) => JSON.stringify({ serial, group: `${client}/${Number(keys[i]!.split('-')[1]) % 5}` })),
      texts: keys.map(() => null),
      ...this.#contentsOf(serials),
      repetition: hasKey ? { idempotencyKey: `write-${serials[0]}`, digest: `digest-${serials[0]}` } : null,
    };
    return { batch, serials };
  }

  /** The current states of ids in any namespaces. */
  async #statesOf(gateway: Gateway, keys: readonly string[]): Promise<Map<string, State>> {
    const states = new Map<string, State>(keys.map((key) => [key, null]));
    for (const namespace of NAMESPACES) {
      const ids = keys.filter((key) => key.startsWith(`${namespace}\0`)).map((key) => key.split('\0')[1]!);
      for (const [id, state] of statesOf(await this.#fetch(gateway, namespace, ids))) states.set(`${namespace}\0${id}`, state);
    }
    return states;
  }

  async #deleteIds(gateway: Gateway, client: number): Promise<void> {
    const namespace = this.#pick(NAMESPACES);
    const keys = this.#someKeys(client).filter((key) => key.startsWith(`${namespace}\0`));
    if (keys.length === 0) return;
    const { id: indexId } = this.#world.manifest;
    for (const key of keys) this.#begin(key, null);
    const selection = { kind: 'ids', namespace, ids: keys.map((key) => key.split('\0')[1]!) } as const;
    const { lsn } = await this.#acknowledged(gateway, (shards, manifest) =>
      shards.of(manifest).write('delete', { indexId, selection }, IN_FORCE),
    );
    for (const key of keys) this.#end(key, null);
    if (this.#world.random.next() < 0.5) await this.#readBack(client, namespace, lsn);
  }

  async #deleteByFilter(gateway: Gateway, client: number): Promise<void> {
    const namespace = this.#pick(NAMESPACES);
    const group = Math.floor(this.#world.random.next() * 5);
    const keys = this.#keysOf(client).filter((key) => key.startsWith(`${namespace}\0`) && Number(key.split('-')[1]) % 5 === group);
    const { id: indexId } = this.#world.manifest;
    for (const key of keys) this.#begin(key, null);
    const filter = { kind: 'equals', path: 'group', values: [`${client}/${group}`] } as never;
    await this.#acknowledged(gateway, (shards, manifest) =>
      shards.of(manifest).write('delete', { indexId, selection: { kind: 'filter', namespace, filter, after: 0 } }, IN_FORCE),
    );
    this.counts.deletedByFilter += 1;
    for (const key of keys) this.#end(key, null);
  }

  /** Repeats a call until it succeeds, as clients do. */
  async #acknowledged<T>(
    gateway: Gateway,
    call: (shards: IndexShards, manifest: GrowthWorld['manifest']) => Promise<Outcome<T>>,
  ): Promise<T> {
    for (;;) {
      const outcome = await gateway.using(call);
      if (outcome.ok) return outcome.value;
      expect(['unavailable', 'index_growing']).toContain(outcome.error.code);
      this.counts.retries += 1;
      await new Promise<void>((resolve) => this.#world.after(100, resolve));
    }
  }

  #query(gateway: Gateway, namespace: string, exact: boolean, consistency: ReadConsistency = STRONG): Promise<ShardMatches> {
    const { id: indexId, dimensions, fields } = this.#world.manifest;
    // Where rows have no vector, legs over fields alone find all.
    const isLeg = dimensions === 0 || (exact && (this.#options.vectorlessChance ?? 0) > 0);
    if (isLeg || (exact && fields !== undefined && this.#world.random.next() < 0.7))
      return this.searchFields(gateway, namespace, this.#pick(LEGS_TO_ALL), consistency);
    const target = { kind: 'values', values: this.#vectors.next() } as { kind: 'values'; values: Float32Array<ArrayBuffer> };
    const query = { indexId, target, namespace, topK: 1000, filter: null, excludeIds: [], include: INCLUDE, exact };
    return this.#acknowledged(gateway, async (shards, manifest) => {
      const found = await shards.of(manifest).query(query, { consistency });
      return found.ok && found.value.missing !== undefined ? PARTIAL : found;
    });
  }

  /** The first rows of a leg over fields, by counts of now or of a moment ago. */
  searchFields(gateway: Gateway, namespace: string, query: FieldQuery, consistency: ReadConsistency = STRONG): Promise<ShardMatches> {
    const { id: indexId } = this.#world.manifest;
    this.counts.legs += 1;
    const search = { indexId, query, namespace, topK: 1000, filter: null, excludeIds: [], include: { ...INCLUDE, contents: true } };
    const counted = this.#world.random.next() < 0.5 ? {} : { statistics: 'exact' as const };
    return this.#acknowledged(gateway, async (shards, manifest) => {
      const found = await shards.of(manifest).searchFields({ ...search, ...counted }, { consistency });
      return found.ok && found.value.missing !== undefined ? PARTIAL : found;
    });
  }

  #contentsOf(serials: readonly number[]): Pick<UpsertBatch, 'contents'> {
    return this.#world.manifest.fields === undefined ? {} : { contents: serials.map(contentsOf) };
  }

  #fetch(gateway: Gateway, namespace: string, ids: readonly string[]): Promise<ShardVectors> {
    const { id: indexId } = this.#world.manifest;
    return this.#acknowledged(gateway, (shards, manifest) => shards.of(manifest).fetch({ indexId, namespace, ids, include: INCLUDE }));
  }

  #begin(key: string, state: State): void {
    const known = this.#known.get(key) ?? { acknowledged: null, maybe: new Set() };
    this.#known.set(key, known);
    known.maybe.add(state);
    for (const allowed of this.#reads) allowed.set(key, (allowed.get(key) ?? new Set<State>([null])).add(state));
  }

  #end(key: string, state: State): void {
    const known = this.#known.get(key)!;
    known.acknowledged = state;
    known.maybe.clear();
  }

  #keysOf(client: number): string[] {
    return Array.from({ length: this.#options.idsEach }, (_, i) => `${NAMESPACES[i % 7 === 0 ? 1 : 0]}\0c${client}-${i}`);
  }

  #someKeys(client: number): string[] {
    const keys = this.#keysOf(client);
    // Often only one id, so that one or two shards get the write and the LSNs of the others fall behind.
    const count = this.#world.random.next() < 0.5 ? 1 : 1 + Math.floor(this.#world.random.next() * 12);
    return [...new Set(Array.from({ length: count }, () => this.#pick(keys)))];
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#world.random.next() * items.length)]!;
  }
}

/** Stands for an answer that lacks a shard because the shard was dying; the query is repeated. */
const PARTIAL = refuse('unavailable', 'some shard did not answer');

export type Gateway = ReturnType<GrowthWorld['gateway']>;
