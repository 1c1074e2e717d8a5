import { FanOut } from '../../../src/index/fan-out/fan-out.ts';
import { MemberChoice } from '../../../src/index/fan-out/member-choice.ts';
import type { MemberReads } from '../../../src/index/fan-out/shard-reads.ts';
import { ShardReads } from '../../../src/index/fan-out/shard-reads.ts';
import { BusyReport, LoadMeter } from '../../../src/index/replicas/load-meter.ts';
import type { PrimaryState, ReplicaPeers, ReplicaRecord } from '../../../src/index/replicas/index-replicas.ts';
import { IndexReplicas } from '../../../src/index/replicas/index-replicas.ts';
import type { ShardMember, ShardReplica } from '../../../src/index/index-manifest.ts';
import { ReadQueue } from '../../../src/ann/read-queue.ts';
import type { ShardMatches, ShardQuery, ShardVectors } from '../../../src/ann/shard-protocol.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import { MANIFEST } from './member-world.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { ObjectThread } from './object-thread.ts';
import { VirtualTime } from './virtual-time.ts';

export interface HotShardOptions {
  readonly shards: number;
  /** Popularity of shards: the load of the k-th is in proportion to 1 / k^zipf. */
  readonly zipf: number;
  /** Total queries a second, phase by phase. */
  readonly phases: readonly { readonly seconds: number; readonly qps: number }[];
  /** Time that an object needs for a query, drawn for each. */
  readonly serviceMs: (random: Seeded) => number;
  /** One-way delay between the gateway and an object. */
  readonly networkMs: (random: Seeded) => number;
  /** Time that the primary needs for a page of a copy; and the pages of a whole copy. */
  readonly pageMs: number;
  readonly pages: number;
  readonly hasReplicas: boolean;
  /** Replicas of the hottest shard at the beginning. */
  readonly replicasAtFirst?: number;
  readonly hasHedges?: boolean;
  /** Whether objects order waiting reads by deadline, or serve everything in order of arrival. */
  readonly hasTurns?: boolean;
  /** The time budget of each query. */
  readonly budgetMs?: number;
  readonly seed: number;
}

/** One second of the simulation. */
export interface HotShardSecond {
  readonly second: number;
  readonly latenciesMs: readonly number[];
  readonly replicas: number;
}

export interface HotShardResult {
  readonly seconds: readonly HotShardSecond[];
  /** From the start of a phase until its first replica was ready. */
  readonly readyAfterMs: number | undefined;
  readonly failed: number;
  readonly hedges: number;
  /** Hedges that were answered before the first call. */
  readonly hedgesWon: number;
  readonly calls: number;
}

/** An object, which has a thread of its own. */
class Server {
  readonly meter = new LoadMeter();
  readonly thread: ObjectThread;
  readonly turns: ReadQueue;

  constructor(time: VirtualTime) {
    this.thread = new ObjectThread(time);
    this.turns = new ReadQueue({ clock: time, turn: () => this.thread.turn() });
  }
}

/**
 * Unevenly read shards, as a queueing model around the real code: `ShardReads` chooses the member to ask and hedges, load is metered as
 * objects meter it, `ReadQueue` orders and refuses, `IndexReplicas` decides. Objects are threads that run in parallel, with service times
 * measured on real objects.
 */
export class HotShardSimulation implements MemberReads, ReplicaPeers {
  readonly indexId = MANIFEST.id;
  readonly #options: HotShardOptions;
  readonly #time = new VirtualTime();
  readonly #random: Seeded;
  readonly #fanOut: FanOut;
  readonly #reads: ShardReads;
  readonly #servers = new Map<string, Server>();
  readonly #reports = new Map<number, BusyReport>();
  readonly #readyMs = new Map<number, number>();
  readonly #replicas: IndexReplicas;
  #record: ReplicaRecord | undefined;
  #known: readonly ShardReplica[] = [];
  #failed = 0;
  #isOver = false;

  constructor(options: HotShardOptions) {
    this.#options = options;
    this.#random = new Seeded(options.seed);
    this.#fanOut = new FanOut(this.#time, this.#time, options.hasHedges === false ? { share: 0, burst: 0 } : undefined);
    this.#reads = new ShardReads({ members: this, fanOut: this.#fanOut, choice: new MemberChoice(), clock: this.#time });
    this.#replicas = new IndexReplicas({ get: () => this.#record, put: (record) => void (this.#record = record) }, this);
    this.#begin(options.replicasAtFirst ?? 0);
  }

  /** Its clients search around vectors alone. */
  searchFields(): Promise<never> {
    return Promise.reject(new Error('no field is searched here'));
  }

  termStatistics(): Promise<never> {
    return Promise.reject(new Error('no field is searched here'));
  }

  async run(): Promise<HotShardResult> {
    const seconds: HotShardSecond[] = [];
    const startMs = this.#time.nowMs();
    let readyAfterMs: number | undefined;
    const total = this.#options.phases.reduce((sum, phase) => sum + phase.seconds, 0);
    const upkeep = async (): Promise<void> => {
      while (!this.#isOver) {
        await this.#time.sleep(INDEX_LIMITS.replicaTendMs);
        if (this.#replicas.isWatching) await this.#replicas.tend(this.#time.nowMs());
        if (this.#replicas.ready.length > 0) readyAfterMs ??= this.#time.nowMs() - startMs;
      }
    };
    // Gateways use a cached manifest until its TTL ends.
    const manifests = async (): Promise<void> => {
      for (; !this.#isOver; this.#known = this.#replicas.ready) await this.#time.sleep(VECTOR_LIMITS.indexManifestTtlMs);
    };
    const load = async (): Promise<void> => {
      const queries: Promise<void>[] = [];
      for (let second = 0; second < total; second += 1) {
        const latenciesMs: number[] = [];
        seconds.push({ second, latenciesMs, replicas: this.#replicas.ready.length });
        queries.push(...(await this.#second(second, latenciesMs)));
      }
      await Promise.all(queries);
      this.#isOver = true;
    };
    await this.#time.run(Promise.all([load(), upkeep(), manifests()]));
    const { hedges, hedgesWon, calls } = this.#fanOut.counts;
    return { seconds, readyAfterMs, failed: this.#failed, hedges, hedgesWon, calls };
  }

  async query(_: unknown, member: ShardMember, { budgetMs }: ShardQuery): Promise<Outcome<ShardMatches>> {
    const { serviceMs, networkMs, hasTurns = true } = this.#options;
    await this.#time.sleep(networkMs(this.#random));
    if (member.replica !== null && !this.#replicas.all.some(({ replica }) => replica === member.replica)) {
      return refuse('unavailable', 'retired');
    }
    const server = this.#server(member);
    const search = async (): Promise<Outcome<ShardMatches>> => {
      const workMs = serviceMs(this.#random);
      await server.thread.use(workMs);
      const nowMs = this.#time.nowMs();
      server.meter.record('sharable', workMs, nowMs);
      if (member.replica === null) this.#report(member.shard, server, nowMs);
      return ok({ ids: [], values: null, metadata: null, texts: null, scores: [], lsn: 1 });
    };
    const found = await server.thread.deliver(() => (hasTurns ? server.turns.read({ budgetMs }, search) : search()));
    await this.#time.sleep(networkMs(this.#random));
    return found;
  }

  queryAll(): Promise<Outcome<never>> {
    return Promise.resolve(refuse('unavailable', 'no client here sends batches'));
  }

  fetch(): Promise<Outcome<ShardVectors>> {
    return Promise.resolve(refuse('unavailable', 'nobody fetches here'));
  }

  async primary(shard: number): Promise<PrimaryState> {
    const { meter, thread } = this.#server({ shard, replica: null });
    await thread.turn();
    return { load: meter.load(this.#time.nowMs()), location: null, lsn: 1 };
  }

  async replica({ shard, replica }: ShardReplica) {
    const isReady = this.#time.nowMs() >= (this.#readyMs.get(replica) ?? Infinity);
    return { completeLsn: isReady ? 1 : null, load: this.#server({ shard, replica }).meter.load(this.#time.nowMs()) };
  }

  /** Copies page by page; the primary serves queries between pages. */
  async open({ shard, replica }: ShardReplica): Promise<void> {
    if (this.#readyMs.has(replica)) return;
    this.#readyMs.set(replica, Infinity);
    const { pageMs, pages, networkMs } = this.#options;
    const copy = async (): Promise<void> => {
      for (let page = 0; page < pages; page += 1) {
        await this.#time.sleep(2 * networkMs(this.#random));
        const { thread } = this.#server({ shard, replica: null });
        await thread.deliver(() => thread.use(pageMs));
        // The replica needs about as long to write a page.
        await this.#time.sleep(pageMs);
      }
      this.#readyMs.set(replica, this.#time.nowMs());
    };
    void copy();
  }

  async erase({ shard, replica }: ShardReplica): Promise<void> {
    this.#servers.delete(`${shard}/${replica}`);
  }

  #begin(count: number): void {
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    for (const replica of numbers) this.#readyMs.set(replica, 0);
    const { indexId } = this;
    const ready = { indexId, shard: 0, location: null, state: 'ready', sinceMs: 0 } as const;
    this.#record = { highest: count, watched: {}, replicas: numbers.map((replica) => ({ ...ready, replica })) };
    this.#known = this.#replicas.ready;
  }

  /** Starts the queries of one second; returns them. */
  async #second(second: number, latenciesMs: number[]): Promise<Promise<void>[]> {
    const queries: Promise<void>[] = [];
    const endMs = this.#time.nowMs() + 1_000;
    for (;;) {
      const gapMs = (-Math.log(1 - this.#random.next()) * 1_000) / this.#qpsAt(second);
      if (this.#time.nowMs() + gapMs >= endMs) {
        await this.#time.sleep(endMs - this.#time.nowMs());
        return queries;
      }
      await this.#time.sleep(gapMs);
      queries.push(this.#ask(this.#shard(), latenciesMs));
    }
  }

  async #ask(shard: number, latenciesMs: number[]): Promise<void> {
    const startedMs = this.#time.nowMs();
    const target = { kind: 'values', values: Float32Array.of(0) } as const;
    const include = { values: false, metadata: false, text: false };
    const query = { indexId: MANIFEST.id, target, namespace: '', topK: 10, filter: null, excludeIds: [], include };
    const manifest = { ...MANIFEST, replicas: this.#known };
    const { budgetMs = API_LIMITS.queryDeadlineDefaultMs } = this.#options;
    const reading = { consistency: { kind: 'eventual' }, deadlineMs: startedMs + budgetMs } as const;
    const found = await this.#reads.gather(manifest, [shard], query, reading);
    if (found.ok) latenciesMs.push(this.#time.nowMs() - startedMs);
    else this.#failed += 1;
  }

  #report(shard: number, { meter }: Server, nowMs: number): void {
    if (!this.#options.hasReplicas) return;
    const report = this.#reports.get(shard) ?? new BusyReport();
    this.#reports.set(shard, report);
    if (report.isDue(meter.load(nowMs), nowMs)) this.#replicas.watch(shard);
  }

  #server({ shard, replica }: ShardMember): Server {
    const name = `${shard}/${replica}`;
    const server = this.#servers.get(name) ?? new Server(this.#time);
    this.#servers.set(name, server);
    return server;
  }

  #qpsAt(second: number): number {
    let end = 0;
    for (const phase of this.#options.phases) {
      end += phase.seconds;
      if (second < end) return phase.qps;
    }
    return 1;
  }

  /** A random shard by popularity; shard k is the k-th most popular. */
  #shard(): number {
    const { shards, zipf } = this.#options;
    const weights = Array.from({ length: shards }, (_, k) => 1 / (k + 1) ** zipf);
    let left = this.#random.next() * weights.reduce((sum, weight) => sum + weight, 0);
    const at = weights.findIndex((weight) => (left -= weight) < 0);
    return at < 0 ? shards - 1 : at;
  }
}

export function quantileMs(latenciesMs: readonly number[], share: number): number {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
