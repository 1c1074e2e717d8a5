import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FlatEngine, flatEngineBytes, flatEngineCapacity } from '../../../src/ann/flat/flat-engine.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { PageMemory } from '../../../src/ann/page-memory.ts';
import { Scanner } from '../../../src/ann/flat/scanner.ts';
import type { ReadVectors, StoredVector, VectorMatch, VectorQuery } from '../../../src/ann/stored-vector.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { scanModule } from '../../support/fakes/scan-module.ts';

const scanner = new Scanner(scanModule, new PageMemory(16 * 1024 * 1024));
let latest: FlatEngine | undefined;

/** Creates the only engine: the previous one returns its memory. */
function newEngine(metric: Metric, dimensions: number): FlatEngine {
  latest?.free();
  latest = new FlatEngine(scanner, metric, dimensions);
  return latest;
}

interface Model {
  readonly namespace: number;
  readonly stored: StoredVector;
}

const sum = (terms: number[]) => terms.reduce((total, term) => total + term, 0);
const dot = (a: number[], b: number[]) => sum(a.map((x, i) => x * b[i]!));

/** Scores computed here, not by the engine's own functions, but in the same order of additions, so they are equal to the bit. */
function bruteForce(metric: Metric, model: ReadonlyMap<number, Model>, query: VectorQuery): VectorMatch[] {
  const q = [...query.values];
  const scored = [...model.values()]
    .filter(({ namespace, stored }) => namespace === query.namespace && (query.among?.has(stored.row) ?? true))
    .map(({ stored: { row, id, values } }) => {
      const v = [...values];
      if (metric === 'dot') return { row, id, score: dot(q, v) };
      if (metric === 'l2') return { row, id, score: Math.sqrt(sum(q.map((x, i) => (x - v[i]!) * (x - v[i]!)))) };
      if (isZero(values) || isZero(query.values)) return { row, id, score: 0 };
      return { row, id, score: Math.max(-1, Math.min(1, dot(q, v) / Math.sqrt(dot(q, q) * dot(v, v)))) };
    });
  const sign = metric === 'l2' ? 1 : -1;
  return scored.toSorted((a, b) => sign * (a.score - b.score) || (a.id < b.id ? -1 : 1)).slice(0, query.topK);
}

const reader =
  (model: ReadonlyMap<number, Model>, rowsRead: { count: number }): ReadVectors =>
  (rows) => {
    rowsRead.count += rows.length;
    expect(new Set(rows).size).toBe(rows.length);
    return rows.map((row) => model.get(row)!.stored);
  };

const isZero = (values: Float32Array): boolean => values.every((value) => value === 0);

// Few distinct small values make exact ties; the others span all magnitudes of float32, subnormal numbers included.
const component = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -2, max: 2 }) },
  { weight: 2, arbitrary: fc.float({ min: -1, max: 1, noNaN: true }) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
);

const vector = (dimensions: number) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.array(component, { minLength: dimensions, maxLength: dimensions }) },
    { weight: 1, arbitrary: fc.constant(Array.from({ length: dimensions }, () => 0)) },
  );

const operation = (dimensions: number) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        row: fc.integer({ min: 1, max: 40 }),
        namespace: fc.nat(1),
        values: vector(dimensions),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), row: fc.integer({ min: 1, max: 40 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('search' as const),
        topK: fc.integer({ min: 1, max: 12 }),
        namespace: fc.nat(1),
        values: vector(dimensions),
        among: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 10 }), { freq: 2 }),
      }),
    },
  );

describe('FlatEngine against brute force', () => {
  it.each(METRICS)('[V1][V2][V3][V4] %s: any sequence of puts, replacements, removals and searches answers exactly', (metric) => {
    const seen = { zeros: 0, ties: 0, replaced: 0, removed: 0, emptied: 0, full: 0, searches: 0, filtered: 0 };
    const scenario = fc
      .integer({ min: 2, max: 9 })
      .chain((dimensions) =>
        fc.record({ dimensions: fc.constant(dimensions), operations: fc.array(operation(dimensions), { minLength: 5, maxLength: 80 }) }),
      );
    fc.assert(
      fc.property(scenario, ({ dimensions, operations }) => {
        const engine = newEngine(metric, dimensions);
        const model = new Map<number, Model>();
        for (const step of operations) {
          if (step.kind === 'remove') {
            if (!model.delete(step.row)) continue;
            engine.remove(step.row);
            seen.removed += 1;
            if (model.size === 0) seen.emptied += 1;
            continue;
          }
          const values = Float32Array.from(step.values);
          if (isZero(values)) seen.zeros += 1;
          if (step.kind === 'put') {
            if (model.has(step.row)) seen.replaced += 1;
            // The order of ids differs from that of rows, so that breaking ties by row would show.
            model.set(step.row, { namespace: step.namespace, stored: { row: step.row, id: `id-${(step.row * 7) % 41}`, values } });
            engine.put(step.row, step.namespace, values);
            continue;
          }
          const query = {
            values,
            namespace: step.namespace,
            topK: step.topK,
            ...(step.among === null ? {} : { among: new Set(step.among) }),
          };
          const expected = bruteForce(metric, model, query);
          expect(engine.search(query, reader(model, { count: 0 }))).toEqual(expected);
          seen.searches += 1;
          if (step.among !== null && expected.length > 0) seen.filtered += 1;
          if (expected.length === step.topK) seen.full += 1;
          if (expected.some((match, i) => i > 0 && match.score === expected[i - 1]!.score)) seen.ties += 1;
        }
        expect(engine.count).toBe(model.size);
      }),
      { seed: 11, numRuns: effort(400) },
    );
    const { emptied, ...common } = seen;
    expect(emptied).toBeGreaterThan(0);
    for (const count of Object.values(common)) expect(count).toBeGreaterThan(20);
  });

  it.each(METRICS)('[V1][V5] %s: finds among thousands of clustered vectors exactly, reading few rows', (metric) => {
    const random = gaussian(5);
    const dimensions = 48;
    const centres = Array.from({ length: 20 }, () => Float32Array.from({ length: dimensions }, random));
    const near = (i: number) => centres[i % centres.length]!.map((x) => x + 0.6 * random());
    const model = new Map<number, Model>();
    const engine = newEngine(metric, dimensions);
    for (let row = 1; row <= 4000; row += 1) {
      const values = near(row);
      model.set(row, { namespace: 3, stored: { row, id: `v${row}`, values } });
      engine.put(row, 3, values);
    }
    for (let row = 1; row <= 4000; row += 3) {
      engine.remove(row);
      model.delete(row);
    }
    const rowsRead = { count: 0 };
    for (let i = 0; i < 20; i += 1) {
      const query = { values: near(i), namespace: 3, topK: 10 };
      expect(engine.search(query, reader(model, rowsRead))).toEqual(bruteForce(metric, model, query));
    }
    expect(rowsRead.count / 20).toBeLessThan(40);
  });

  it('[V3] ties among more vectors than one rescoring batch still go to the smallest ids', () => {
    const model = new Map<number, Model>();
    const engine = newEngine('cosine', 4);
    for (let row = 1; row <= 1000; row += 1) {
      const stored = { row, id: String(2000 - row), values: Float32Array.of(1, 2, 3, 4) };
      model.set(row, { namespace: 0, stored });
      engine.put(row, 0, stored.values);
    }
    const matches = engine.search({ values: Float32Array.of(1, 2, 3, 4), namespace: 0, topK: 3 }, reader(model, { count: 0 }));
    expect(matches).toEqual(['1000', '1001', '1002'].map((id) => ({ row: 2000 - Number(id), id, score: 1 })));
  });

  it('[V3] ties of zero vectors, which are ranked without being read, also go to the smallest ids', () => {
    const model = new Map<number, Model>();
    const engine = newEngine('dot', 4);
    for (let row = 1; row <= 1000; row += 1) {
      const stored = { row, id: String(2000 - row), values: new Float32Array(4) };
      model.set(row, { namespace: 0, stored });
      engine.put(row, 0, stored.values);
    }
    const matches = engine.search({ values: Float32Array.of(1, 2, 3, 4), namespace: 0, topK: 2 }, reader(model, { count: 0 }));
    expect(matches).toEqual(['1000', '1001'].map((id) => ({ row: 2000 - Number(id), id, score: 0 })));
  });

  it.each(METRICS)('[V12] %s: vectors of the most dimensions and largest floats neither overflow nor lose order', (metric) => {
    const dimensions = INDEX_LIMITS.dimensionsMaxCount;
    const huge = (sign: number) => new Float32Array(dimensions).fill(sign * 3.4e38);
    const tiny = new Float32Array(dimensions).fill(1e-45);
    const model = new Map(
      [huge(1), huge(-1), tiny].map((values, i) => [i + 1, { namespace: 0, stored: { row: i + 1, id: `v${i}`, values } }] as const),
    );
    const engine = newEngine(metric, dimensions);
    for (const [row, { stored }] of model) engine.put(row, 0, stored.values);
    for (const values of [huge(1), huge(-1), tiny]) {
      const query = { values, namespace: 0, topK: 2 };
      expect(engine.search(query, reader(model, { count: 0 }))).toEqual(bruteForce(metric, model, query));
    }
  });

  it('[V15] holds as many vectors as its stated bytes allow', () => {
    for (const dimensions of [2, 100, 1536, INDEX_LIMITS.dimensionsMaxCount]) {
      const capacity = flatEngineCapacity(40_000_000, dimensions);
      expect(flatEngineBytes(capacity, dimensions)).toBeLessThanOrEqual(40_000_000);
      expect(flatEngineBytes(capacity + 1, dimensions)).toBeGreaterThan(40_000_000);
    }
  });

  it('[V34] uses the bytes stated for its number of vectors, whatever the history', () => {
    const dimensions = 1536;
    const engine = newEngine('dot', dimensions);
    const values = new Float32Array(dimensions);
    const seen = new Set<number>();
    const check = () => {
      expect(engine.bytes).toBe(flatEngineBytes(engine.count, dimensions));
      seen.add(engine.bytes);
    };
    check();
    for (let row = 1; row <= 300; row += 1) {
      engine.put(row, 0, values);
      check();
    }
    for (let row = 1; row <= 300; row += 1) {
      engine.remove(row);
      check();
    }
    expect(engine.bytes).toBe(0);
    expect(seen.size).toBeGreaterThan(8);
  });
});

/** Normally distributed numbers from a seed (Box-Muller over a linear congruential generator). */
function gaussian(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
