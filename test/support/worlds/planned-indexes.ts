import { encodeFloats } from '../../../src/ann/float32.ts';
import type { ShardFetch, ShardHighlight, ShardQuery, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import { analysisSettings } from '../../../src/contract/indexes/analysis.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import { quantiseTokens } from '../../../src/contract/vectors/token-codes.ts';
import type { RerankRequest } from '../../../src/gateway/embeddings/rerank.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import { Plans } from '../../../src/gateway/vectors/plans/plans.ts';
import { VectorSpace } from '../../../src/gateway/vectors/vector-space.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { IndexFieldSearch, IndexShards } from '../../../src/index/shards/index-shards.ts';
import { toBase64 } from '../../../src/kernel/bytes.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { Timer } from '../../../src/kernel/timer.ts';
import { IN_FORCE } from '../fakes/in-force.ts';
import { indexShards } from '../fakes/index-shards.ts';
import { growthManifest } from './growth-manifest.ts';
import { GrowthWorld } from './growth-world.ts';
import { principal } from './memory-cache-world.ts';
import { NO_FAULTS } from './object-network.ts';
import { planOf } from './plan-world.ts';
import { servedFields } from './served-fields.ts';
import { ShardWorld, smallFloor, value } from './shard-world.ts';
import { whole } from './whole-read.ts';
import { servedRows } from '../fakes/served-rows.ts';

const ANALYSIS = analysisSettings.parse({ language: 'none', stemming: false });

/** One of each kind; two of texts. */
const FIELDS: IndexFields = {
  title: { kind: 'text', analysis: ANALYSIS, weight: 2, source: 'field' },
  body: { kind: 'text', analysis: ANALYSIS, weight: 1, source: 'text' },
  terms: { kind: 'sparse', idf: true, model: null },
  tokens: { kind: 'multi_vector', dimensions: 2, model: null },
  place: { kind: 'vector', dimensions: 3, metric: 'l2', model: null },
};

const MANIFEST: IndexManifest = { ...growthManifest(40, FIELDS), metric: 'cosine' };
const BUDGET_MS = 120_000;

const floatsBy = (random: Seeded, count: number): Float32Array =>
  Float32Array.from({ length: count }, () => Math.floor(random.next() * 9) - 4);

/**
 * What the row of a number holds: few different words, so that scores are often equal, and of some fields nothing. Its vector is always the
 * same: a row that a write moves to another shard may count twice for a moment.
 */
function rowOf(random: Seeded, number: number) {
  const own = new Seeded(number);
  const pick = (below: number): number => Math.floor(random.next() * below);
  const floats = (count: number): Float32Array => floatsBy(random, count);
  const has = (chance: number): boolean => random.next() < chance;
  const words = Array.from({ length: 1 + pick(6) }, () => `w${pick(8)}`).join(' ');
  const tokens = quantiseTokens(floats(2 * (1 + pick(3))), 2);
  const contents = {
    ...(has(0.8) ? { title: `w${pick(8)} t${pick(3)}` } : {}),
    ...(has(0.8) ? { terms: { indices: [pick(3), 3 + pick(3)], values: [pick(4) / 2, -0.5 + pick(4)] } } : {}),
    ...(has(0.7) ? { tokens: { codes: tokens.codes, scales: [...tokens.scales] } } : {}),
    ...(has(0.7) ? { place: { vector: toBase64(encodeFloats(floats(3))) } } : {}),
  };
  const mixed = [number, `text ${pick(3)}`, has(0.5), null, [pick(3), 'x']][pick(5)];
  return {
    id: `r${number}`,
    namespace: number % 5 === 0 ? 'en' : '',
    values: own.next() < 0.9 ? floatsBy(own, 4) : null,
    text: `${words} all`,
    metadata: JSON.stringify({ page: pick(6), of: has(0.5) ? `g${pick(4)}` : [`g${pick(4)}`, 'g9'], mixed }),
    contents: Object.keys(contents).length === 0 ? null : JSON.stringify(contents),
  };
}

type Row = ReturnType<typeof rowOf>;

function batchOf(indexId: IndexManifest['id'], rows: readonly Row[]): UpsertBatch {
  const values = new Float32Array(4 * rows.length);
  for (const [i, row] of rows.entries()) values.set(row.values ?? [], 4 * i);
  return {
    indexId,
    ids: rows.map(({ id }) => id),
    namespaces: rows.map(({ namespace }) => namespace),
    values,
    vectorless: rows.map((row) => row.values === null),
    metadata: rows.map(({ metadata }) => metadata),
    texts: rows.map(({ text }) => text),
    contents: rows.map(({ contents }) => contents),
    repetition: null,
  };
}

/** Scores texts by their lengths, of which many are equal. */
const reranker = {
  rerank: async ({ documents }: RerankRequest) => {
    const results = documents.map((text, index) => ({ index, score: text.length % 7 }));
    return ok({ results, model: 'lengths', version: '1', tokens: documents.length, cut: [], cachedTokens: 0, report: undefined });
  },
};

function plansOver(manifest: IndexManifest, shards: IndexShards, time: Clock & Timer): Plans {
  const space = new VectorSpace({} as never);
  const manifests = new ManifestCache({ describe: async () => ok(manifest) } as never, time);
  return new Plans({
    qualities: new Map(),
    manifests,
    shards,
    space,
    embedder: {} as never,
    reranker,
    served: servedRows(),
    clock: time,
    timer: time,
  });
}

const CALLER = { principal: principal(MANIFEST.tenantId), authority: IN_FORCE, reserve: async () => ok(undefined) };

/** The same rows twice: in one shard, and in an index that has grown to several, some of whose rows are in two. */
export class PlannedIndexes {
  readonly world: GrowthWorld;
  readonly #one: ShardWorld;
  readonly #rows = new Map<string, Row>();
  readonly #random: Seeded;
  /** Of the last write. */
  lsn = 0;

  constructor(seed: number) {
    this.#random = new Seeded(seed);
    this.world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
    const floor = smallFloor(1 << 22);
    const { dimensions, metric } = MANIFEST;
    this.#one = new ShardWorld(floor, { dimensions, metric, fields: FIELDS }, 'one', servedFields(floor, 'one'));
  }

  /** Writes rows of these numbers, over what has been written of them. */
  async write(numbers: readonly number[]): Promise<void> {
    const rows = numbers.map((number) => rowOf(this.#random, number));
    for (const row of rows) this.#rows.set(row.id, row);
    value(this.#one.shard.upsert(batchOf(this.#one.identity.indexId, rows), 0));
    const { world } = this;
    const written = () =>
      world.gateway().using((shards, manifest) => shards.of(manifest).write('upsert', batchOf(MANIFEST.id, rows), IN_FORCE));
    const attempt = async (): Promise<number> => {
      const outcome = await written();
      if (outcome.ok) return outcome.value.lsn;
      await new Promise<void>((resolve) => void world.after(100, resolve));
      return attempt();
    };
    this.lsn = await world.during(attempt());
  }

  /** Grows the index: nothing is being moved when it is done. */
  async grow(count: number): Promise<void> {
    await this.world.during(this.world.create());
    for (let from = 0; from < count; from += 25) {
      await this.write(Array.from({ length: Math.min(25, count - from) }, (_, i) => from + i));
      await this.world.rest(60_000);
    }
  }

  /** Whether rows are on their way to other shards: such a row may count twice in statistics. */
  get isMoving(): boolean {
    return this.world.table?.shards.some(({ state }) => state.kind !== 'serving') === true;
  }

  /** How many rows shards hold, copies among them. */
  get rowsHeld(): number {
    const shards = this.world.table?.shards ?? [];
    const countIn = (ordinal: number): number =>
      this.world.sqlOf(`shard:${ordinal}`)!.sql.exec<{ count: number }>('SELECT count(*) AS count FROM vectors').one().count;
    return shards.reduce((sum, { ordinal }) => sum + countIn(ordinal), 0);
  }

  /** What a plan finds in the index of several shards, asked by a gateway of its own or by one that is given. */
  ofMany(body: object, gateway = this.world.gateway()) {
    const { world } = this;
    const found = gateway.using((shards, manifest) =>
      plansOver(manifest, shards, this.#time).search(CALLER, MANIFEST.name, planOf(body), BUDGET_MS),
    );
    return world.during(found);
  }

  /** What plans of one call find there. */
  allOfMany(bodies: readonly object[]) {
    const { world } = this;
    const asked = bodies.map((body, i) => ({ body: planOf(body), at: ['searches', i] }));
    const found = world
      .gateway()
      .using((shards, manifest) =>
        plansOver(manifest, shards, this.#time).searchAll(CALLER, MANIFEST.name, asked, world.nowMs + BUDGET_MS),
      );
    return world.during(found);
  }

  get #time(): Clock & Timer {
    const { world } = this;
    return { nowMs: () => world.nowMs, after: (delayMs, run) => world.after(delayMs, run) };
  }

  /** What it finds in the one shard. */
  ofOne(body: object) {
    const { shard, identity } = this.#one;
    const shards = indexShards({
      query: async (_: unknown, search: ShardQuery) => shard.query(search),
      searchFields: async (_: unknown, { statistics: __, ...search }: IndexFieldSearch) => whole(shard.searchFields(search)),
      fetch: async (_: unknown, fetch: ShardFetch) => shard.fetch(fetch),
      highlight: async (_: unknown, asked: ShardHighlight) => whole(shard.highlight(asked)),
    });
    const time = { nowMs: () => 0, after: () => () => undefined };
    return plansOver({ ...MANIFEST, id: identity.indexId }, shards, time).search(CALLER, MANIFEST.name, planOf(body), BUDGET_MS);
  }
}
