import type { ShardFetch, ShardFieldSearch, ShardHighlight, ShardQuery } from '../../../src/ann/shard-protocol.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import type { PlanBody } from '../../../src/contract/vectors/plans/plans.ts';
import { planEndpoints } from '../../../src/contract/vectors/plans/plans.ts';
import type { Reranker, RerankRequest } from '../../../src/gateway/embeddings/rerank.ts';
import type { EmbedTexts } from '../../../src/gateway/embeddings/text-embedder.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import { Plans } from '../../../src/gateway/vectors/plans/plans.ts';
import { VectorSpace } from '../../../src/gateway/vectors/vector-space.ts';
import type { Reading } from '../../../src/index/fan-out/shard-reads.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { IndexShards } from '../../../src/index/shards/index-shards.ts';
import { sparseRow } from '../../../src/inference/served/sparse-rows.ts';
import { ok } from '../../../src/kernel/result.ts';
import { IN_FORCE } from '../fakes/in-force.ts';
import { indexShards } from '../fakes/index-shards.ts';
import { principal } from './memory-cache-world.ts';
import { VirtualTime } from './virtual-time.ts';
import { servedRows } from '../fakes/served-rows.ts';

/** What takes its time, in milliseconds; Infinity: it never ends. */
type Part = 'vector' | 'place' | 'text' | 'sparse' | 'fetch' | 'highlight' | 'encode:dense' | 'encode:sparse' | 'encode:tokens' | 'rerank';

const MANIFEST = {
  id: 'ix_1',
  tenantId: 'tn_one',
  name: 'notes',
  dimensions: 2,
  metric: 'cosine',
  generation: 1,
  embedding: { model: 'dense', contractHash: 'hash-dense' },
  fields: {
    body: { kind: 'text', weight: 2, source: 'field' },
    terms: { kind: 'sparse', idf: false, model: 'sparse', contractHash: 'hash-sparse' },
    plain: { kind: 'sparse', idf: false, model: null },
    place: { kind: 'vector', dimensions: 2, metric: 'dot', model: null },
    tokens: { kind: 'multi_vector', dimensions: 2, model: 'tokens', contractHash: 'hash-tokens' },
  },
} as unknown as IndexManifest;

/** What each kind of leg finds. */
const FOUND = { vector: ['a', 'b', 'c'], place: ['b'], text: ['c', 'd'], sparse: ['d', 'a'] } as const;

/** An index with a model and fields whose parts take as long as a test says, on a clock of its own. */
export class PlanWorld {
  readonly time = new VirtualTime();
  readonly delays: Partial<Record<Part, number>> = {};
  readonly embedded: Pick<EmbedTexts, 'model' | 'contractHash' | 'texts' | 'isTruncating' | 'use' | 'output'>[] = [];
  readonly asked: { readonly search: ShardQuery | ShardFieldSearch; readonly reading: Reading }[] = [];
  readonly fetches: ShardFetch[] = [];
  readonly highlighted: ShardHighlight[] = [];
  readonly reserved: object[] = [];
  readonly manifests = new ManifestCache({ describe: async () => ok(this.manifest) } as never, this.time);
  readonly shards: IndexShards;
  readonly plans: Plans;
  /** Of the last write. */
  lsn = 5;
  /** Of what is read of rows; absent: later than the last write was, as legs saw it. */
  rowsLsn: number | undefined;
  /** Of each model that reads; one that is not named has the first. */
  readonly versions: Record<string, string> = {};
  manifest = MANIFEST;

  constructor() {
    const found = async (part: keyof typeof FOUND, search: ShardQuery | ShardFieldSearch, reading: Reading) => {
      this.asked.push({ search, reading });
      await this.#wait(part);
      const ids = FOUND[part].slice(0, search.topK);
      return ok({ ids, scores: ids.map((_, i) => 1 - i / 10), values: null, metadata: null, texts: null, lsn: this.lsn });
    };
    this.shards = indexShards({
      query: (_: IndexManifest, search: ShardQuery, reading: Reading) => {
        const send = (queries: readonly ShardQuery[]) => Promise.all(queries.map((one) => found('vector', one, reading))).then(ok);
        return reading.part === undefined ? found('vector', search, reading) : reading.part.ask('shard 0', search, send);
      },
      searchFields: (_: IndexManifest, search: ShardFieldSearch, reading: Reading) =>
        found(search.query.kind === 'vector' ? 'place' : search.query.kind, search, reading),
      fetch: async (_: IndexManifest, asked: ShardFetch) => {
        this.fetches.push(asked);
        await this.#wait('fetch');
        return ok({ ...rowsOf(asked), lsn: this.rowsLsn ?? this.lsn + 1 });
      },
      highlight: async (_: IndexManifest, asked: ShardHighlight) => {
        this.highlighted.push(asked);
        await this.#wait('highlight');
        return ok({ rows: asked.ids.map((id) => ({ id, fields: [] })), lsn: this.lsn + 1 });
      },
      lsn: async () => ok(this.lsn),
    });
    const { embedder, reranker, manifests, shards, time } = this;
    const space = new VectorSpace(embedder);
    this.plans = new Plans({
      qualities: new Map(),
      manifests,
      shards,
      space,
      embedder,
      reranker,
      served: servedRows(),
      clock: time,
      timer: time,
    });
  }

  get embedder() {
    return {
      contractOf: async (_: unknown, id: string) =>
        ok({ id, version: this.versions[id] ?? '1', dimensions: 2, contractHash: `hash-${id}` }),
      embed: (request: EmbedTexts) => this.#embed(request),
    };
  }

  get reranker(): Pick<Reranker, 'rerank' | 'meaningOf'> {
    return {
      rerank: (request) => this.#rerank(request),
      meaningOf: async (_, model) => ok({ model, version: this.versions[model] ?? '1' }),
    };
  }

  get caller() {
    return this.callerOf('tn_one');
  }

  /** `more`: what else the principal is. */
  callerOf(tenantId: string, more: object = {}) {
    const reserve = async (quantities: object) => {
      this.reserved.push(quantities);
      return ok(undefined);
    };
    return { principal: principal(tenantId, more), authority: IN_FORCE, reserve };
  }

  search(body: object, budgetMs = 1_000) {
    return this.time.run(this.plans.search(this.caller, 'notes', planOf(body), budgetMs));
  }

  searchAll(bodies: readonly object[], budgetMs = 1_000) {
    const asked = bodies.map((body, i) => ({ body: planOf(body), at: ['searches', i] }));
    return this.time.run(this.plans.searchAll(this.caller, 'notes', asked, this.time.nowMs() + budgetMs));
  }

  async #wait(part: Part): Promise<void> {
    const ms = this.delays[part] ?? 0;
    if (ms === Infinity) await new Promise<void>(() => {});
    if (ms > 0) await this.time.sleep(ms);
  }

  async #embed({ texts, model, contractHash, isTruncating, use, output = 'dense', reserve }: EmbedTexts) {
    this.embedded.push({ texts, model, contractHash, isTruncating, use, output });
    await this.#wait(`encode:${output}`);
    const long = texts.findIndex((text) => text.length > LONG);
    if (long >= 0 && !isTruncating) return refuse('limit_exceeded', `has more than ${LONG} characters`, ['input', long]);
    const reserved = await reserve({ embedding_tokens: texts.length });
    if (!reserved.ok) return reserved;
    const rows = texts.map((text) => (output === 'sparse' ? sparseRow(Float32Array.of(0, text.length)) : Float32Array.of(text.length, 1)));
    const vectors = Float32Array.from(output === 'dense' ? rows.flatMap((row) => [...row]) : []);
    const cut = texts.map((text, index) => ({ index, tokens: text.length - LONG })).filter(({ tokens }) => tokens > 0);
    return ok({ vectors, rows, dimensions: 2, contractHash, tokens: texts.length, cachedTokens: 0, cut });
  }

  async #rerank({ documents }: RerankRequest) {
    await this.#wait('rerank');
    const results = documents.map((_, index) => ({ index, score: index }));
    return ok({ results, model: 'm', version: '1', tokens: documents.length, cut: [], cachedTokens: 0, report: undefined });
  }
}

/** Characters beyond which the models of this world refuse a text. */
const LONG = 20;

/** Every id is there. */
const rowsOf = ({ ids, include }: ShardFetch) => ({
  ids,
  values: include.values ? Float32Array.from(ids.flatMap(() => [1, 0])) : null,
  metadata: include.metadata ? ids.map((id) => JSON.stringify({ id, page: id.charCodeAt(0) })) : null,
  texts: include.text ? ids.map((id) => `text of ${id}`) : null,
  ...(include.contents === true ? { contents: ids.map(() => null) } : {}),
});

export function planOf(body: object): PlanBody {
  const read = parse(planEndpoints.searchIndex.body.schema, body);
  if (!read.ok) throw new Error(`${read.error.path?.join('.')}: ${read.error.message}`);
  return read.value;
}

/** What a plan found, or the code and path that it was refused with. */
export const foundOr = <T>(outcome: Outcome<T>) => (outcome.ok ? outcome.value : { code: outcome.error.code, path: outcome.error.path });
