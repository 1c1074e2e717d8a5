import { Buffer } from 'node:buffer';

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { EmbeddingList } from '../../support/fixtures/embedding-list.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { MemoryCacheWorld, principal, tokensOf, vectorOf } from '../../support/worlds/memory-cache-world.ts';

const TEXTS = ['a', 'b', 'ab', 'ba', 'abc', 'zz', 'q'];

interface Batch {
  readonly isolate: number;
  readonly model: 'local' | 'remote';
  readonly input: (string | number[])[];
  readonly format: 'float' | 'base64' | undefined;
  readonly dimensions: number | undefined;
  readonly noStore: boolean;
}

/** A text, or ids of the model's own, which have an entry of their own. */
const item = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.constantFrom<number[]>([97], [98, 97]) },
);
const batch: fc.Arbitrary<Batch> = fc.record({
  isolate: fc.nat({ max: 1 }),
  model: fc.constantFrom('local' as const, 'remote' as const),
  // A call contains either texts or lists of token ids, not both.
  input: fc.array(item, { minLength: 1, maxLength: 10 }).map((items) => items.filter((one) => typeof one === typeof items[0])),
  format: fc.constantFrom('float' as const, 'base64' as const, undefined),
  dimensions: fc.constantFrom(undefined, undefined, 3, 2),
  noStore: fc.nat({ max: 5 }).map((n) => n === 0),
});

const seen = { batches: 0, mixed: 0, duplicates: 0, hits: 0, shared: 0, truncated: 0, base64: 0, tokens: 0 };

/** Two gateways over one second level, called over HTTP and compared with a model of what each level stores. */
async function history(batches: readonly Batch[]): Promise<void> {
  const { httpGateway } = await import('../../support/deployment/http-gateway.ts');
  const world = new MemoryCacheWorld();
  const gateways = [httpGateway(world), httpGateway(world)];
  const levels = { memory: [new Set<string>(), new Set<string>()], shared: new Set<string>() };

  for (const { isolate, model, input, format, dimensions, noStore } of batches) {
    world.computed.length = 0;
    const names = input.map((one) => `${model}:${JSON.stringify(one)}`);
    const memory = levels.memory[isolate]!;
    const isHeld = (name: string) => memory.has(name) || (model === 'remote' && levels.shared.has(name));
    const missing = [...new Set(names)].filter((name) => !isHeld(name));
    const response = await gateways[isolate]!(
      principal('tn_one', { scopes: ['inference'] }),
      { model, input, dimensions, encoding_format: format, token_ids: 'model' },
      noStore,
    );
    expect(response.status).toBe(200);
    const reply = (await response.json()) as EmbeddingList;

    expect(reply.data.map(({ index }) => index)).toEqual([...input.keys()]);
    reply.data.forEach(({ embedding }, i) => expect(decoded(embedding)).toEqual(expected(input[i]!, dimensions)));
    expect(reply.usage.total_tokens).toBe(input.reduce((sum, one) => sum + one.length, 0));
    const computed = missing.map((name) => input[names.indexOf(name)]!);
    expect(world.computed).toEqual(computed.map(textOf));
    const status = response.headers.get('cache-status') ?? '';
    expect(status.endsWith(`; detail="${detailOf(names, missing, memory)}"`), status).toBe(true);
    expect(/sluice-l1; hit/.test(status)).toBe(names.every((name) => memory.has(name)));

    count(names, missing, { format, dimensions, input, memory });
    if (noStore) continue;
    for (const name of names) memory.add(name);
    if (model === 'remote') for (const name of missing) levels.shared.add(name);
  }
}

function count(
  names: string[],
  missing: string[],
  { format, dimensions, input, memory }: Pick<Batch, 'format' | 'dimensions' | 'input'> & { memory: Set<string> },
) {
  seen.batches += 1;
  if (missing.length > 0 && names.some((name) => !missing.includes(name))) seen.mixed += 1;
  if (new Set(names).size < names.length) seen.duplicates += 1;
  if (missing.length === 0) seen.hits += 1;
  if (names.some((name) => !missing.includes(name) && !memory.has(name))) seen.shared += 1;
  if (dimensions === 2) seen.truncated += 1;
  if (format === 'base64') seen.base64 += 1;
  if (typeof input[0] !== 'string') seen.tokens += 1;
}

/** The source of each input's vector: a repeated input has the source of its first occurrence, unless that was computed. */
function detailOf(names: readonly string[], missing: readonly string[], memory: ReadonlySet<string>): string {
  const counts = { memory: 0, shared: 0, duplicate: 0, computed: 0 };
  names.forEach((name, i) => {
    const source = memory.has(name) ? 'memory' : !missing.includes(name) ? 'shared' : names.indexOf(name) === i ? 'computed' : 'duplicate';
    counts[source] += 1;
  });
  return Object.entries(counts)
    .filter(([, inputs]) => inputs > 0)
    .map(([source, inputs]) => `${source}=${inputs}`)
    .join(' ');
}

const textOf = (one: string | number[]): string => (typeof one === 'string' ? one : String.fromCharCode(...one));

function expected(one: string | number[], dimensions = 3): number[] {
  const full = vectorOf(typeof one === 'string' ? tokensOf(one) : one);
  const norm = dimensions === 3 ? 1 : Math.hypot(...full.slice(0, dimensions));
  return full.slice(0, dimensions).map((value) => Number((value / norm).toFixed(5)));
}

function decoded(embedding: number[] | string): number[] {
  const bytes = typeof embedding === 'string' ? Buffer.from(embedding, 'base64') : undefined;
  const values = bytes === undefined ? (embedding as number[]) : [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)];
  return values.map((value) => Number(value.toFixed(5)));
}

const check = (numRuns: number) =>
  fc.check(fc.asyncProperty(fc.array(batch, { minLength: 5, maxLength: 40, size: 'max' }), history), { seed: 20_261_126, numRuns });

describe('batches over HTTP', () => {
  afterEach(() => {
    vi.doUnmock('../../../src/cache/batch-plan.ts');
    vi.resetModules();
  });

  it('[C85] are answered in order, in either format and any length, and compute only what is missing, once', async () => {
    const details = await check(effort(80, 5_000));
    expect(details.failed, fc.defaultReportMessage(details) ?? '').toBe(false);
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(50);
  });

  it.each<[string, (original: Record<string, unknown>) => object]>([
    [
      'gives each input the row of the one before',
      () => ({
        scatterRows: (rows: Float32Array[], slots: Int32Array, dimensions: number) => {
          const vectors = new Float32Array(slots.length * dimensions);
          slots.forEach((slot, i) => vectors.set(rows[Math.max(0, slot - 1)]!, i * dimensions));
          return vectors;
        },
      }),
    ],
    [
      'computes another input for a key',
      ({ planBatch }) => ({
        planBatch: (keys: string[]) => {
          const plan = (planBatch as (of: string[]) => { distinct: string[] })(keys);
          return { ...plan, inputOf: Int32Array.from(plan.distinct.keys()) };
        },
      }),
    ],
  ])('[C85] fail this test if the mapping %s', async (_, mutation) => {
    vi.resetModules();
    vi.doMock('../../../src/cache/batch-plan.ts', async (original) => {
      const real = await original<Record<string, unknown>>();
      return { ...real, ...mutation(real) };
    });
    // By what it answered, not because the gateway could not run at all.
    const { errorInstance } = await check(40);
    expect(errorInstance).toHaveProperty('name', 'AssertionError');
  });
});
