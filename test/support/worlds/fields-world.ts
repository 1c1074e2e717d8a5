import { SelectionCache } from '../../../src/ann/filter/selection.ts';
import { ShardEngine } from '../../../src/ann/shard/shard-engine.ts';
import { Shard } from '../../../src/ann/shard/shard.ts';
import type { ShardFetch, ShardList, ShardNamespaces, ShardPatch, UpsertBatch } from '../../../src/ann/shard-protocol.ts';
import { VectorStore } from '../../../src/ann/store/vector-store.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import { newFields } from '../../../src/contract/indexes/index-fields.ts';
import type { ImportProgress } from '../../../src/contract/vectors/bulk.ts';
import { vectorChangeEndpoints } from '../../../src/contract/vectors/vector-changes.ts';
import { vectorEndpoints } from '../../../src/contract/vectors/vectors.ts';
import type { TextEmbedder } from '../../../src/gateway/embeddings/text-embedder.ts';
import { ManifestCache } from '../../../src/gateway/indexes/manifest-cache.ts';
import { pinnedFields } from '../../../src/gateway/indexes/pinned-fields.ts';
import type { Budget } from '../../../src/gateway/tenancy/budget.ts';
import { BulkTokens } from '../../../src/gateway/vectors/bulk/bulk-tokens.ts';
import { Exports } from '../../../src/gateway/vectors/bulk/exports.ts';
import { Imports } from '../../../src/gateway/vectors/bulk/imports.ts';
import { FieldSpace } from '../../../src/gateway/vectors/field-space.ts';
import { Upserts } from '../../../src/gateway/vectors/upserts.ts';
import type { FieldsChange } from '../../../src/gateway/vectors/vector-changes.ts';
import { VectorChanges } from '../../../src/gateway/vectors/vector-changes.ts';
import { VectorListing } from '../../../src/gateway/vectors/vector-listing.ts';
import { VectorSpace } from '../../../src/gateway/vectors/vector-space.ts';
import type { WrittenVectors } from '../../../src/gateway/vectors/vectors.ts';
import { Vectors } from '../../../src/gateway/vectors/vectors.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import { sparseRow } from '../../../src/inference/served/sparse-rows.ts';
import { must } from '../../../src/kernel/assert.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { Hmac } from '../../../src/kernel/hmac.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { IN_FORCE } from '../fakes/in-force.ts';
import { indexShards } from '../fakes/index-shards.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { principal } from './memory-cache-world.ts';
import { smallFloor } from './shard-world.ts';
import { servedRows } from '../fakes/served-rows.ts';

/** Numbers of the vectors of a token that `tokens` makes. */
const TOKEN_DIMENSIONS = 3;
/** Words of a text beyond which the models of this world refuse it. */
const WORDS_MAX = 40;

const wordsOf = (text: string): string[] => text.split(' ').filter((word) => word !== '');

/** What the models of this world make of a text: `dense` its length, `sparse` its words by their first letters, `tokens` a vector a word. */
const MAKES = {
  dense: (text: string) => Float32Array.of(text.length, 1),
  sparse: (text: string) => {
    const weights = new Float32Array(128);
    for (const word of wordsOf(text)) weights[word.charCodeAt(0) % 128]! += 1;
    return sparseRow(weights);
  },
  tokens: (text: string) => Float32Array.from(wordsOf(text).flatMap((word) => [word.length, -1, 0.5])),
} as const;

const DIMENSIONS = { dense: 2, sparse: 128, tokens: TOKEN_DIMENSIONS } as const;

/** The vectors of an index: none where it has no dimensions. */
interface Space {
  readonly dimensions?: number;
  readonly model?: 'dense' | null;
}

/** An index with fields over one shard in memory, and the use cases that write and read it. */
export class FieldsWorld {
  /** How often each model was called. */
  readonly calls = { dense: 0, sparse: 0, tokens: 0 };
  readonly billed: object[] = [];
  readonly fields: IndexFields;
  readonly #shard: Shard;
  readonly #manifest: IndexManifest;
  readonly #caller = { principal: principal('tn_one', { keyId: 'key_one' }), authority: IN_FORCE, reserve: async () => ok(undefined) };
  readonly #upserts: Upserts;
  readonly #vectors: Vectors;
  readonly #imports: Imports;
  readonly #exports: Exports;
  readonly #changes: VectorChanges;
  readonly #listing: VectorListing;

  private constructor(fields: IndexFields, { dimensions = 2, model = 'dense' }: Space) {
    this.fields = fields;
    const id = 'ix_1' as IndexId;
    this.#manifest = {
      id,
      tenantId: this.#caller.principal.tenantId,
      name: 'articles',
      dimensions,
      metric: 'cosine',
      embedding: model === null ? null : { model, contractHash: `hash-${model}` },
      fields,
      owner: 'search',
      createdS: 1,
      generation: 1,
    };
    const store = new VectorStore(new NodeSql());
    this.#shard = new Shard(store, new ShardEngine(smallFloor(1 << 24), id, store), id, new SelectionCache(1 << 16));
    this.#shard.open({ indexId: id, dimensions, metric: 'cosine' });
    const manifests = new ManifestCache({ describe: async () => ok(this.#manifest) } as never, { nowMs: () => 0 });
    const embedder = this.#embedder();
    const [space, fieldSpace] = [new VectorSpace(embedder), new FieldSpace(embedder)];
    const tokens = new BulkTokens(new Hmac('a secret'));
    const sleep = async () => undefined;
    const shards = indexShards({
      upsert: async (_: IndexManifest, batch: UpsertBatch) => this.#shard.upsert(batch, 0),
      patch: async (_: IndexManifest, patch: ShardPatch) => this.#shard.patch(patch, 0),
      fetch: async (_: IndexManifest, fetch: ShardFetch) => this.#shard.fetch(fetch),
      list: async (_: IndexManifest, list: ShardList) => this.#shard.list(list),
      namespaces: async (_: IndexManifest, page: ShardNamespaces) => this.#shard.namespaces(page),
    });
    this.#vectors = new Vectors({ manifests, shards, space, fields: fieldSpace, served: servedRows() });
    this.#upserts = new Upserts({ manifests, space, fields: fieldSpace, vectors: this.#vectors, newId: () => 'own' });
    const rng = { bytes: (count: number) => new Uint8Array(count) };
    this.#imports = new Imports({ vectors: this.#vectors, manifests, space, budget: this.#budget(), tokens, rng, sleep });
    this.#exports = new Exports({ manifests, shards, served: servedRows(), tokens, sleep });
    this.#changes = new VectorChanges({ manifests, shards, space, fields: fieldSpace });
    this.#listing = new VectorListing({ manifests, shards });
  }

  /** Of fields as a creation has them. */
  static async of(given: unknown, space: Space = {}): Promise<FieldsWorld> {
    const read = parse(newFields, given);
    if (!read.ok) throw new Error(read.error.message);
    const fields = await pinnedFields(contracts, principal('tn_one').tenantId, read.value);
    if (!fields.ok) throw new Error(fields.error.message);
    return new FieldsWorld(fields.value, space);
  }

  /** As a body of JSON. */
  async upsert(vectors: readonly unknown[], more: object = {}): Promise<Outcome<WrittenVectors>> {
    const body = parse(vectorEndpoints.upsertVectors.body.schema, JSON.parse(JSON.stringify({ vectors, ...more })));
    return body.ok ? this.#upserts.upsert(this.#caller, 'articles', body.value) : body;
  }

  /** The fields of stored vectors. */
  async fieldsOf(...ids: string[]): Promise<unknown[]> {
    const body = { ids, namespace: '', consistency: 'strong' as const, ...INCLUDED };
    const found = await this.#vectors.fetch(this.#caller, 'articles', body);
    if (!found.ok) throw new Error(found.error.message);
    return (found.value.contents ?? []).map((text) => (text === null ? null : (JSON.parse(text) as unknown)));
  }

  async listedFields(): Promise<unknown[]> {
    const query = {
      namespace: '',
      filter: null,
      start: null,
      limit: 100,
      include: { values: false, metadata: false, text: false, contents: true },
    };
    const listed = await this.#listing.list(this.#caller.principal, 'articles', query);
    if (!listed.ok) throw new Error(listed.error.message);
    return (listed.value.contents ?? []).map((text) => (text === null ? null : (JSON.parse(text) as unknown)));
  }

  /** As a body of JSON. */
  async setFields(given: object, reserve: (count: number) => Promise<Outcome<unknown>> = async () => ok(null)) {
    const body = parse(vectorChangeEndpoints.updateFields.body.schema, JSON.parse(JSON.stringify(given)));
    if (!body.ok) return body;
    const { ids = [], filter, vectors, set, unset, truncate } = body.value;
    const chosen = filter === undefined ? { kind: 'ids' as const, ids } : { kind: 'filter' as const, filter };
    const selection = { ...chosen, namespace: '' };
    const change: FieldsChange = vectors === undefined ? { kind: 'same', selection, set, unset } : { kind: 'each', namespace: '', vectors };
    return this.#changes.editFields(this.#caller, 'articles', change, truncate === 'end', reserve);
  }

  setMetadata(id: string, metadata: string) {
    const selection = { kind: 'ids' as const, namespace: '', ids: [id] };
    return this.#changes.editMetadata(this.#caller, 'articles', selection, { kind: 'replace', metadata }, async () => ok(null));
  }

  setValues(id: string, values: readonly number[] | null) {
    const vector = { id, values: values === null ? null : Float32Array.from(values), paths: { values: [], text: [] } };
    return this.#changes.setValues(this.#caller, 'articles', '', [vector]);
  }

  /** The last progress line of an import; lines of JSON, or frames. */
  async import(body: string | Uint8Array, isFramed = false): Promise<ImportProgress> {
    const terms = { token: undefined, model: undefined, truncate: undefined, idempotencyKey: undefined, route: '/import', isFramed };
    const bytes = typeof body === 'string' ? utf8(body) : body;
    const opened = await this.#imports.open(
      { ...this.#caller, ...terms, index: 'articles' },
      (async function* () {
        yield bytes;
      })(),
    );
    if (!opened.ok) throw new Error(opened.error.message);
    return must((await Array.fromAsync(opened.value)).at(-1), 'an import reports how it ended');
  }

  /** The lines of an export, without those that report its progress. */
  async export(include = INCLUDED): Promise<string> {
    const opened = await this.#exports.open(this.#caller, 'articles', { token: undefined, ...include });
    if (!opened.ok) throw new Error(opened.error.message);
    const text = (await Array.fromAsync(opened.value)).join('');
    return text
      .split('\n')
      .filter((line) => !line.startsWith('{"export"'))
      .join('\n');
  }

  #embedder(): TextEmbedder {
    return {
      ...contracts,
      embed: async ({ texts, output = 'dense', isTruncating }) => {
        this.calls[output] += 1;
        const long = texts.findIndex((text) => wordsOf(text).length > WORDS_MAX);
        if (long >= 0 && !isTruncating) return refuse('limit_exceeded', `has more than ${WORDS_MAX} words`, ['input', long]);
        const made = texts.map((text) => MAKES[output](wordsOf(text).slice(0, WORDS_MAX).join(' ')));
        const rows = output === 'dense' ? {} : { rows: made };
        const vectors = output === 'dense' ? Float32Array.from(made.flatMap((row) => [...row])) : new Float32Array(0);
        const tokens = texts.reduce((sum, text) => sum + Math.min(WORDS_MAX, wordsOf(text).length), 0);
        const cut = long < 0 ? [] : [{ index: long, tokens: wordsOf(texts[long] ?? '').length - WORDS_MAX }];
        return ok({ vectors, ...rows, dimensions: DIMENSIONS[output], contractHash: `hash-${output}`, tokens, cut, cachedTokens: 0 });
      },
    };
  }

  #budget(): Budget {
    const settle = (used: object) => this.billed.push(used);
    return { rates: () => [], reserve: async () => ok({ extend: async () => ok(undefined), settle }) };
  }
}

const INCLUDED = { include_values: true, include_metadata: true, include_text: true, include_fields: true };

/** Models are named after what they make. */
export const contracts: Pick<TextEmbedder, 'contractOf'> = {
  contractOf: async (_tenant, model, _hash, output = 'dense') => {
    if (!Object.hasOwn(DIMENSIONS, model)) return refuse('model_not_found', `there is no model ${model}`, 'model');
    if (model !== output) return refuse('invalid_value', `${model} makes no ${output} vectors`, 'model');
    return ok({ id: model, version: '1', dimensions: DIMENSIONS[output], contractHash: `hash-${output}` });
  },
};
