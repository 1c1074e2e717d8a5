import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { PurgeLogStore } from '../../../src/cache/store/purge-log-store.ts';
import { EmbeddingCacheStore } from '../../../src/cache/store/embedding-cache-store.ts';
import { ANY_FRESH } from '../../../src/cache/cache-directives.ts';
import type { CacheLayout } from '../../../src/cache/cache-layout.ts';
import { effectiveAtMs, grantLease, openLeaseBook } from '../../../src/cache/purge-lease.ts';
import type { LeaseBook, LeaseGrant } from '../../../src/cache/purge-lease.ts';
import type { PurgeCommand, PurgeRecord, PurgeSelection } from '../../../src/cache/purge-predicate.ts';
import type { NewVector, VectorOrigin } from '../../../src/cache/stored-vector.ts';
import { CACHE_LIMITS } from '../../../src/contract/caches/cache-limits.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { EmbeddingCache } from '../../../src/gateway/embeddings/embedding-cache.ts';
import type { PurgeLogs } from '../../../src/gateway/caches/purge-logs.ts';
import { PurgeViews } from '../../../src/gateway/caches/purge-views.ts';
import { ShardedCache } from '../../../src/gateway/caches/sharded-cache.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import type { PurgeId, TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { FaultyNetwork } from './faulty-network.ts';
import type { Party } from './faulty-network.ts';
import { actingFor } from '../fakes/in-force.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const OWNER = 'tn_0123456789_aaaaaaaa' as TenantId;
const TERMS = { leaseMs: CACHE_LIMITS.purgeLeaseMs, guardMs: CACHE_LIMITS.purgeLeaseGuardMs };
// Small, so that logs are compacted and shards evict.
const LOG_BOUNDS = { predicatesMax: 12, termsMax: 24 };
const SHARD_BOUNDS = { entriesMax: 5, bytesMax: 1e6, touchesMax: 3, sweepRowsMax: 2, countRowsMax: 9 };
const shards = (count: number) => Array.from({ length: count }, (_, i) => ({ name: String(i), weight: 1 }));
// Half-way through, each isolate learns of a third shard when it restarts.
const LAYOUTS: readonly CacheLayout[] = [
  { shards: shards(2), before: [] },
  { shards: shards(3), before: shards(2) },
];
const DIGESTS = ['x', 'y', 'z', 'w'];
const TAGS = ['a', 'b', 'p/1', 'p/2'];
const MAKES: readonly (readonly [id: string, version: string, runner: 'static' | 'onnx'])[] = [
  ['m', '1', 'onnx'],
  ['n', '1', 'onnx'],
  ['m', '2', 'static'],
];
// Two of them share their vectors.
const MANIFESTS = MAKES.map(([id, version, runner]) => ({
  id,
  version,
  runner,
  dimensions: 1,
  contractHash: runner,
})) as unknown as ModelManifest[];

/** The computation of a vector; the vector's only number is the position in this list. */
interface Fill {
  readonly begun: number;
  readonly begunAtMs: number;
  readonly digest: string;
  readonly tags: readonly string[];
}

interface Purge extends PurgeCommand {
  appended: number;
  appendedAtMs: number;
  reported: number;
  effectiveAtMs: number;
}

class Isolate implements Party {
  stalledUntilMs = 0;
  readonly cache: EmbeddingCache;
  readonly #network: FaultyNetwork;
  readonly #rate: number;
  #clockMs = 0;

  constructor(network: FaultyNetwork, rate: number, logs: (isolate: Isolate) => PurgeLogs, level: (isolate: Isolate) => ShardedCache) {
    this.#network = network;
    this.#rate = rate;
    const clock = { nowMs: (): number => this.#clockMs };
    const wakeUps = new DirectWakeUps();
    const purges = new PurgeViews({ logs: logs(this), clock, wakeUps });
    this.cache = new EmbeddingCache({ clock, purges, secondLevel: level(this), wakeUps });
    this.hear();
  }

  // Between messages the clock stands still.
  hear(): void {
    this.#clockMs = 5_000_000 + this.#network.nowMs * this.#rate;
  }
}

/**
 * Isolates that run the gateway's own cache, over the stores of the purge log and the shards, on a network that delays, loses and repeats
 * messages. Isolates, the log and shards restart, isolates stall, and the log's owner is unreachable at times. Every answer is checked.
 */
export class PurgeWorld {
  readonly seen = { purges: 0, receipts: 0, answers: 0, hits: 0, hitsAfterReceipt: 0, refilled: 0, stale: 0, unanswered: 0, moved: 0 };
  readonly violations: string[] = [];
  readonly #network: FaultyNetwork;
  readonly #isolates: Isolate[];
  readonly #fills: Fill[] = [];
  readonly #purges: Purge[] = [];
  readonly #logSql = new NodeSql();
  readonly #shardSql = shards(3).map(() => new NodeSql());
  #shards = this.#shardSql.map((sql) => new EmbeddingCacheStore(sql, SHARD_BOUNDS));
  #log = new PurgeLogStore(this.#logSql, LOG_BOUNDS, 1000);
  #leases: LeaseBook;
  #logEpoch = 0;
  #awayUntilMs = 0;
  #layout = 0;

  constructor(seed: number) {
    this.#network = new FaultyNetwork(new Seeded(seed));
    this.#leases = openLeaseBook(TERMS, this.#network.nowMs);
    this.#isolates = [0.95, 1, 1.04].map((rate) => this.#isolate(rate));
  }

  /** Runs `purges` purges, with about 15 requests for each. */
  async run(purges: number): Promise<void> {
    const network = this.#network;
    const spanMs = purges * 600;
    const often = (count: number, what: () => void): void => {
      for (let i = 0; i < count; i += 1) network.after(network.between(0, spanMs), what);
    };
    often(purges * 15, () => void this.#request());
    often(purges, () => void this.#purge());
    often(purges * 2, () => this.#erase());
    often(purges / 6, () => this.#restartLog());
    often(purges / 6, () => this.#isolates.splice(network.between(0, 2), 1, this.#isolate(network.pick([0.95, 1, 1.04]))));
    often(purges / 4, () => (network.pick(this.#isolates).stalledUntilMs = network.nowMs + network.between(50, 4000)));
    often(purges / 4, () => (this.#shards = this.#shardSql.map((sql) => new EmbeddingCacheStore(sql, SHARD_BOUNDS))));
    network.after(spanMs / 2, () => (this.#layout = 1));
    await network.run();
  }

  #isolate(rate: number): Isolate {
    const network = this.#network;
    const shard = (isolate: Isolate, name: string) => {
      const store = (): EmbeddingCacheStore => this.#shards[Number(name)]!;
      return {
        get: (contract: string, digests: readonly string[]) =>
          network.call(isolate, 2000, () => store().get(contract, digests, network.nowMs)),
        put: (origin: VectorOrigin, entries: readonly NewVector[], vectors: Float32Array<ArrayBuffer>) =>
          network.call(isolate, 2000, () => (store().put(origin, entries, vectors, network.nowMs), ok(null))),
      };
    };
    return new Isolate(
      network,
      rate,
      (isolate) => ({
        lease: (_owner, position) =>
          network.call(isolate, CACHE_LIMITS.purgeLeaseWaitMaxMs, () => this.#lease(position)).then(ok, () => refuse('unavailable', 'no')),
        purge: () => Promise.reject(new Error('unused')),
        find: () => Promise.reject(new Error('unused')),
        count: () => Promise.reject(new Error('unused')),
        eraseTenant: () => Promise.reject(new Error('unused')),
        left: () => Promise.reject(new Error('unused')),
      }),
      (isolate) =>
        new ShardedCache({
          layout: LAYOUTS[this.#layout]!,
          shardOf: (_owner, name) => shard(isolate, name),
          background: (work) => {
            this.seen.moved += 1;
            void work.catch(() => undefined);
          },
          onFailure: () => {},
        }),
    );
  }

  #lease(since: number): LeaseGrant {
    const { nowMs } = this.#network;
    if (nowMs < this.#awayUntilMs) throw new Error('away');
    this.#leases = grantLease(this.#leases, TERMS, nowMs);
    return { since, tail: this.#log.log.since(since), leaseMs: TERMS.leaseMs, grantedAtMs: nowMs };
  }

  #restartLog(): void {
    const { nowMs } = this.#network;
    this.#logEpoch += 1;
    this.#awayUntilMs = nowMs + (this.#network.chance(0.5) ? 0 : this.#network.between(10, 3000));
    this.#log = new PurgeLogStore(this.#logSql, LOG_BOUNDS, 1000);
    this.#leases = openLeaseBook(TERMS, nowMs);
  }

  #erase(): void {
    const erasure = this.#log.nextErasure();
    if (erasure === undefined) return;
    const cursors = Object.fromEntries(
      this.#shards.map((shard, i) => [String(i), shard.erase(erasure.purge, erasure.cursors[i] ?? 0).next]),
    );
    this.#log.erased(erasure.purge, Object.values(cursors).every((next) => next === null) ? undefined : cursors);
  }

  /** Repeats a purge until it is answered. */
  async #purge(): Promise<void> {
    const network = this.#network;
    const purge: Purge = {
      purgeId: `pg_${this.#purges.length}` as PurgeId,
      owner: OWNER,
      tenantId: OWNER,
      bodyDigest: 'body',
      selection: this.#selection(),
      mode: network.chance(0.2) ? 'soft' : 'hard',
      consistency: network.chance(0.2) ? 'fast' : 'next-read',
      appended: Infinity,
      appendedAtMs: Infinity,
      reported: Infinity,
      effectiveAtMs: Infinity,
    };
    this.#purges.push(purge);
    this.seen.purges += 1;
    const caller: Party = { stalledUntilMs: 0, hear: () => {} };
    for (let tries = 0; tries < 50 && purge.reported === Infinity; tries += 1) {
      try {
        const record = await network.call(caller, 3000, () => this.#append(purge));
        // The purge applies to requests accepted from now on; a fast one, from `effective_at`.
        purge.effectiveAtMs = record.effectiveAtMs;
        purge.reported = purge.consistency === 'fast' ? Infinity : network.instant;
        this.seen.receipts += 1;
        return;
      } catch {
        await network.sleep(network.between(10, 500));
      }
    }
  }

  async #append(purge: Purge): Promise<PurgeRecord> {
    const network = this.#network;
    if (network.nowMs < this.#awayUntilMs) throw new Error('away');
    const epoch = this.#logEpoch;
    const known = this.#log.find(purge.purgeId);
    const appended = this.#log.append(purge, network.nowMs, effectiveAtMs(this.#leases, network.nowMs));
    if (!appended.ok) throw new Error(appended.error.message);
    if (known === undefined) Object.assign(purge, { appended: network.instant, appendedAtMs: network.nowMs });
    if (purge.consistency === 'next-read') await network.sleep(Math.max(0, appended.value.effectiveAtMs - network.nowMs));
    if (epoch !== this.#logEpoch) throw new Error('restarted');
    return appended.value;
  }

  #selection(): PurgeSelection {
    const network = this.#network;
    const selection: PurgeSelection = {
      ...(network.chance(0.4) ? { digests: [network.pick(DIGESTS), network.pick(DIGESTS)] } : {}),
      ...(network.chance(0.25) ? { tags: [network.pick(TAGS)] } : {}),
      ...(network.chance(0.15) ? { tagPrefix: 'p/' } : {}),
      ...(network.chance(0.25) ? { model: network.pick(['m', 'n']) } : {}),
      ...(network.chance(0.15) ? { models: network.pick([['m'], ['m@1'], ['m@2', 'n'], ['up/m']]) } : {}),
      ...(network.chance(0.3) ? { olderThanMs: network.between(1000, 3000) } : {}),
    };
    return selection.model === 'm' && network.chance(0.5) ? { ...selection, modelVersion: network.pick(['1', '2']) } : selection;
  }

  async #request(): Promise<void> {
    const network = this.#network;
    const isolate = network.pick(this.#isolates);
    // A request counts as accepted when the isolate starts on it.
    if (isolate.stalledUntilMs > network.nowMs) return network.after(isolate.stalledUntilMs - network.nowMs, () => void this.#request());
    isolate.hear();
    const [accepted, acceptedAtMs] = [network.instant, network.nowMs];
    const manifest = network.pick(MANIFESTS);
    const digests = Array.from({ length: network.between(1, 3) }, () => network.pick(DIGESTS));
    const tags = network.chance(0.5) ? [] : [network.pick(TAGS)];
    const staleMsMax = network.chance(0.2) ? Infinity : 0;
    const answer = await isolate.cache.answer({
      acting: actingFor(OWNER),
      owner: OWNER,
      manifest,
      digests,
      directives: { ...ANY_FRESH, staleMsMax },
      ttlMs: network.chance(0.3) ? network.between(500, 5000) : undefined,
      tags,
      compute: async (inputs) => {
        const fills = inputs.map((input) => this.#fill(digests[input]!, tags));
        await network.sleep(network.chance(0.2) ? network.between(200, 4000) : network.between(1, 50));
        isolate.hear();
        return network.chance(0.05) ? refuse('unavailable', 'no') : ok(Float32Array.from(fills));
      },
    });
    if (!answer.ok || !this.#isolates.includes(isolate)) return void (this.seen.unanswered += 1);
    this.seen.answers += 1;
    answer.value.vectors.forEach((id, input) => {
      const fill = this.#fills[id]!;
      if (fill.digest !== digests[input]) this.violations.push(`${digests[input]} is answered with ${fill.digest}`);
      if (fill.begun < accepted) this.#judge(fill, { accepted, acceptedAtMs, manifest, isStaleFine: staleMsMax > 0 });
    });
  }

  #fill(digest: string, tags: readonly string[]): number {
    return this.#fills.push({ begun: this.#network.instant, begunAtMs: this.#network.nowMs, digest, tags }) - 1;
  }

  #judge(fill: Fill, by: { accepted: number; acceptedAtMs: number; manifest: ModelManifest; isStaleFine: boolean }): void {
    this.seen.hits += 1;
    for (const purge of this.#purges) {
      const { mode, effectiveAtMs: atMs, consistency } = purge;
      if (!(consistency === 'fast' ? atMs <= by.acceptedAtMs : purge.reported < by.accepted)) continue;
      if (!selects(purge, fill, by.manifest)) continue;
      if (fill.begun >= purge.appended) this.seen.refilled += 1;
      else if (mode === 'soft' && by.isStaleFine) this.seen.stale += 1;
      else this.violations.push(`purge ${JSON.stringify(purge)} was answered with ${JSON.stringify(fill)} at ${by.accepted}`);
    }
    if (this.#purges.some(({ reported }) => reported < by.accepted)) this.seen.hitsAfterReceipt += 1;
  }
}

/** Whether a purge selects the value of a fill, requested under a model; written independently of the code under test. */
function selects({ selection, appendedAtMs }: Purge, fill: Fill, { id, version }: ModelManifest): boolean {
  const { digests, tags, tagPrefix, models, model, modelVersion, olderThanMs } = selection;
  if (models !== undefined && !models.includes(id) && !models.includes(`${id}@${version}`)) return false;
  if (digests !== undefined && !digests.includes(fill.digest)) return false;
  if (tags !== undefined && !fill.tags.some((tag) => tags.includes(tag))) return false;
  if (tagPrefix !== undefined && !fill.tags.some((tag) => tag.indexOf(tagPrefix) === 0)) return false;
  if (olderThanMs !== undefined && appendedAtMs - fill.begunAtMs <= olderThanMs) return false;
  return (model === undefined || model === id) && (modelVersion === undefined || modelVersion === version);
}
