import { beforeEach, expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import { inputDigest } from '../../../../src/cache/cache-key.ts';
import { EMBEDDING_LIMITS } from '../../../../src/contract/embeddings/embedding-limits.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import type { NewFields } from '../../../../src/contract/indexes/index-fields.ts';
import { fieldValues } from '../../../../src/contract/vectors/field-values.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { AnyEmbedder } from '../../../../src/gateway/embeddings/any-embedder.ts';
import type { EmbeddedInputs, EmbedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import { Embedder } from '../../../../src/gateway/embeddings/embed.ts';
import { EmbeddingCache } from '../../../../src/gateway/embeddings/embedding-cache.ts';
import { embeddingSpace } from '../../../../src/gateway/embeddings/text-embedder.ts';
import { pinnedFields } from '../../../../src/gateway/indexes/pinned-fields.ts';
import { FieldSpace } from '../../../../src/gateway/vectors/field-space.ts';
import { RegisteredEmbedder } from '../../../../src/gateway/embeddings/registered-embedder.ts';
import { ModelRunners } from '../../../../src/gateway/models/model-runners.ts';
import { EDGE_ROOM } from '../../../../src/inference/served/model-room.ts';
import type { InputType, TextOptions } from '../../../../src/inference/served/model-calls.ts';
import type { ModelRef } from '../../../../src/inference/served-manifest.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { manifestOf } from '../../../support/fixtures/model-versions.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../../support/worlds/memory-cache-world.ts';

const SPARSE = manifestOf('sparse', { task: 'sparse-embedding', dimensions: 1_000, pooling: 'max', activation: 'log1p-relu' });
const DENSE = manifestOf('dense', { dimensions: 4, pooling: 'mean' });
const WIDE = manifestOf('wide', { dimensions: 4_096 });
const MANIFESTS = { splade: SPARSE, minilm: DENSE, wide: WIDE } as const;
type Model = keyof typeof MANIFESTS;

let world: MemoryCacheWorld;
/** The form and text of each that was computed. */
let computed: string[];

beforeEach(() => {
  world = new MemoryCacheWorld();
  computed = [];
});

/** A token a character; sparse: its length at its length; tokens: their places; dense: halves. */
const inference = {
  embedTexts: async (ref: ModelRef, texts: readonly string[], _type?: InputType, { output }: TextOptions = {}) => {
    const { dimensions } = ref.manifest;
    const form = output ?? (ref.manifest.task === 'sparse-embedding' ? 'sparse' : 'dense');
    computed.push(...texts.map((text) => `${form}:${text}`));
    await world.modelGate;
    const tokens = Int32Array.from(texts, (text) => text.length);
    const rows = texts.map((text, i) => {
      if (form === 'dense') return [0.5, 0.5, 0.5, 0.5];
      if (form === 'sparse') return [...Array.from(text, (_, at) => at), ...Array.from(text, () => text.length)];
      return Array.from({ length: (tokens[i] ?? 0) * dimensions }, (_, at) => (at % dimensions === 0 ? 1 : 0));
    });
    const lengths = form === 'dense' ? {} : { lengths: Int32Array.from(rows, ({ length }) => length) };
    return ok({ vectors: Float32Array.from(rows.flat()), ...lengths, tokens, sharedTexts: 0 });
  },
};

function isolate() {
  const { clock, logs, secondLevel, models } = world;
  const wakeUps = new DirectWakeUps();
  const cache = new EmbeddingCache({ clock, purges: new PurgeViews({ logs, clock, wakeUps }), secondLevel, wakeUps });
  const parts = { cache, sha256, count: () => {}, countInputs: () => {} };
  const replicas = {
    replicaModels: async () => ok({ ready: [], asleep: [] }),
    wakeReplica: async () => undefined,
    embedOnReplica: async () => refuse('no_healthy_replica', 'none', 'model'),
  };
  const routes = {
    find: async (_tenant: string, model: string) => {
      const manifest = MANIFESTS[model as Model];
      const serving = { version: 1, manifest, contractHash: manifest.contractHash, createdAtMs: 0, runBoundMs: undefined };
      return ok({ kind: 'registered', owner: 'tn_one', model, isPinned: false, serving, canary: null });
    },
  };
  const any = new AnyEmbedder({
    builtin: models.manifests,
    own: new Embedder({ models, ...parts }),
    registered: new RegisteredEmbedder({
      runners: new ModelRunners({ inference, replicas, clock, standsBy: false, room: EDGE_ROOM }),
      ...parts,
    }),
    routes: routes as never,
  });
  const embed = (model: string, texts: readonly string[], more: Partial<EmbedInputs> = {}): Promise<Outcome<EmbeddedInputs>> => {
    const inputs = texts.map((text) => ({ kind: 'text' as const, text }));
    const reserve = async () => ok(undefined);
    const caller = { principal: principal('tn_one'), authority: IN_FORCE, reserve };
    return any.embedInputs({ ...caller, model, inputs, directives: ANY_FRESH, ...more }, undefined);
  };
  return { any, embed, cache };
}

const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
};
const rowsOf = (outcome: Outcome<EmbeddedInputs>): number[][] => must(outcome).rows.map((row) => [...row]);
const refusalOf = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'done' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

it('[M184] sparse vectors of all lengths are computed once, and come unchanged from both cache levels', async () => {
  const [one, other] = [isolate(), isolate()];
  const texts = ['a', 'abc', '', 'abc'];
  const wanted = [[0, 1], [0, 1, 2, 3, 3, 3], [], [0, 1, 2, 3, 3, 3]];
  const first = await one.embed('splade', texts);
  expect(rowsOf(first)).toEqual(wanted);
  expect(must(first)).toMatchObject({ output: 'sparse', tokens: 7, cachedTokens: 3 });
  for (const again of [await one.embed('splade', texts), await other.embed('splade', texts), await other.embed('splade', texts)]) {
    expect(rowsOf(again)).toEqual(wanted);
    expect(must(again)).toMatchObject({ tokens: 7, cachedTokens: 7 });
  }
  expect(computed).toEqual(['sparse:a', 'sparse:abc', 'sparse:']);
});

it('[M184] a purge of a text takes its sparse vector, and an entry counts for what it has', async () => {
  const { embed, cache } = isolate();
  await embed('splade', ['abc', 'ab']);
  const held = cache.held.bytes;
  world.purge({ digests: [inputDigest(sha256, { kind: 'text', text: 'abc' })] });
  await embed('splade', ['abc', 'ab']);
  expect(computed).toEqual(['sparse:abc', 'sparse:ab', 'sparse:abc']);
  await embed('splade', ['x'.repeat(100)]);
  expect(cache.held.bytes - held).toBeGreaterThan(8 * 100);
  expect(cache.held.bytes - held).toBeLessThan(8 * 100 + 1_000);
});

it('[M184] token vectors are neither kept nor found, and dense ones of the same text are', async () => {
  const { embed, cache } = isolate();
  const tokens = await embed('minilm', ['ab', 'ab'], { output: 'tokens' });
  expect(rowsOf(tokens)).toEqual([
    [1, 0, 0, 0, 1, 0, 0, 0],
    [1, 0, 0, 0, 1, 0, 0, 0],
  ]);
  expect(must(tokens).report).toMatchObject({ forwarded: 'bypass', stored: { memory: false, shared: false } });
  expect(cache.held.entries).toBe(0);
  await embed('minilm', ['ab']);
  expect([...must(await embed('minilm', ['ab'])).vectors]).toEqual([0.5, 0.5, 0.5, 0.5]);
  await embed('minilm', ['ab'], { output: 'tokens' });
  expect(computed).toEqual(['tokens:ab', 'dense:ab', 'tokens:ab']);
  const unfound = await embed('minilm', ['ab'], { output: 'tokens', directives: { ...ANY_FRESH, onlyIfCached: true } });
  expect(refusalOf(unfound)).toContain('not_cached');
});

it('[M184] requests for other forms of a text’s vectors do not share its computation', async () => {
  const { embed } = isolate();
  let open = (): void => undefined;
  world.modelGate = new Promise<void>((resolve) => (open = resolve));
  const both = [embed('minilm', ['ab'], { output: 'tokens' }), embed('minilm', ['ab']), embed('minilm', ['ab'], { output: 'dense' })];
  for (let turn = 0; turn < 1_000 && computed.length < 2; turn += 1) await Promise.resolve();
  open();
  const [tokens, dense, same] = await Promise.all(both);
  expect([must(tokens!).rows[0]?.length, must(dense!).vectors.length, must(same!).vectors.length]).toEqual([8, 4, 4]);
  expect(computed.toSorted()).toEqual(['dense:ab', 'tokens:ab']);
});

it('[M183] an answer of too many numbers is refused by field, limit and value, repeats counted', async () => {
  const { embed } = isolate();
  const { embeddingNumbersMaxCount: most } = EMBEDDING_LIMITS;
  const fits = most / WIDE.dimensions;
  const tokens = (texts: readonly string[]) => embed('wide', texts, { output: 'tokens' });
  const repeated = (count: number) => Array.from({ length: count }, () => 'a');
  expect(must(await tokens(repeated(fits))).rows.length).toBe(fits);
  const refused = await tokens(repeated(fits + 1));
  expect(refusalOf(refused)).toContain(`limit_exceeded input: has token vectors of ${(fits + 1) * WIDE.dimensions} numbers, or more`);
  expect(refused.ok ? undefined : refused.error.limit).toMatchObject({ name: 'embeddingNumbersMaxCount', bound: most });
  computed = [];
  const distinct = Array.from({ length: fits * 2 }, (_, i) => String.fromCharCode(1_000 + i));
  expect(refusalOf(await tokens(distinct))).toContain('token vectors of');
  // Texts that would have come afterwards were not computed.
  expect(computed.length).toBeLessThan(fits * 2);
});

it('[M183] prefixes are for dense and token vectors, and a form that a model lacks is refused by name', async () => {
  const { embed } = isolate();
  expect(rowsOf(await embed('minilm', ['ab'], { output: 'tokens', dimensions: 2 }))).toEqual([[1, 0, 1, 0]]);
  expect(refusalOf(await embed('splade', ['ab'], { dimensions: 2 }))).toContain(
    'invalid_value dimensions: goes with dense and token vectors',
  );
  expect(refusalOf(await embed('minilm', ['ab'], { output: 'sparse' }))).toBe(
    'invalid_value output: is sparse; minilm makes dense and tokens',
  );
  for (const output of ['sparse', 'tokens'] as const)
    expect(refusalOf(await embed('local', ['ab'], { output }))).toBe(`invalid_value output: is ${output}; local makes dense`);
  expect(must(await embed('local', ['ab'], { output: 'dense' })).output).toBe('dense');
});

it('[M185] an index, and all that compares vectors, refuses a sparse model before computing anything', async () => {
  const { any, embed } = isolate();
  for (const refused of [
    await embeddingSpace(any, 'tn_one' as never, 'splade', undefined),
    await embeddingSpace(any, 'tn_one' as never, 'minilm', 'splade'),
    await embed('splade', ['a'], { mustBeDense: true }),
  ])
    expect(refusalOf(refused)).toContain('splade is a model for sparse-embedding');
  expect(computed).toEqual([]);
});

it('[TX231] fields take the models that make their form, and no others', async () => {
  const { any } = isolate();
  const pinned = async (field: NewFields[string]) => {
    const fields = await pinnedFields(any, 'tn_one' as never, { f: field });
    return fields.ok ? fields.value['f'] : refusalOf(fields);
  };
  const sparse = (model: string) => pinned({ kind: 'sparse', idf: false, model });
  const tokens = (model: string) => pinned({ kind: 'multi_vector', model });
  expect(await sparse('splade')).toMatchObject({ model: 'splade', contractHash: SPARSE.contractHash });
  expect(await sparse('minilm')).toBe('invalid_value fields.f.model: minilm makes no sparse vectors');
  expect(await tokens('minilm')).toMatchObject({ model: 'minilm', dimensions: 4, contractHash: DENSE.contractHash });
  expect(await tokens('splade')).toBe('invalid_value fields.f.model: splade makes no token vectors');
  const [own] = world.models.manifests;
  expect(await tokens(own?.id ?? '')).toBe(`invalid_value fields.f.model: ${own?.id} makes no token vectors`);
  expect(await tokens('wide')).toContain('multiVectorDimensionsMaxCount');
});

it('[TX236] texts of fields become what their models make of passages', async () => {
  const { any } = isolate();
  const fields = must(
    await pinnedFields(any, 'tn_one' as never, {
      terms: { kind: 'sparse', idf: false, model: 'splade' },
      tokens: { kind: 'multi_vector', model: 'minilm' },
    }),
  );
  const encoding = { principal: principal('tn_one'), authority: IN_FORCE, reserve: async () => ok(undefined), isTruncating: false };
  const values = must(parse(fieldValues, { terms: 'abc', tokens: 'ab' }));
  const made = must(await new FieldSpace(any).contentsOf(encoding, fields, [{ fields: values, at: [] }]));
  const scale = Math.fround(1 / 127);
  expect(made.contents?.map((text) => JSON.parse(text ?? 'null') as unknown)).toEqual([
    {
      terms: { indices: [0, 1, 2], values: [3, 3, 3], text: 'abc' },
      tokens: { codes: 'fwAAAH8AAAA=', scales: [scale, scale], text: 'ab' },
    },
  ]);
  expect([made.tokens, computed]).toEqual([5, ['sparse:abc', 'tokens:ab']]);
});
