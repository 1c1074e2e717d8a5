import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PAGE_BYTES, PageMemory } from '../../../src/ann/page-memory.ts';
import { quantise, queryCodeMax } from '../../../src/ann/quantise.ts';
import type { Quantised } from '../../../src/ann/quantise.ts';
import { Scanner, VectorPage, pageLayout } from '../../../src/ann/flat/scanner.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { scanModule } from '../../support/fakes/scan-module.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const MOST = INDEX_LIMITS.dimensionsMaxCount;

interface Found {
  readonly slot: number;
  readonly closest: number;
  readonly guaranteed: number;
}

interface Vector extends Quantised {
  readonly codes: number[];
  readonly namespace: number;
}

/** The kernel as plain loops. */
function scanPlainly(metric: Metric, values: Float32Array, vectors: Vector[], namespace: number, threshold: number): Found[] {
  const codes = new Int16Array(values.length);
  const query = quantise(metric, values, queryCodeMax(values.length), codes);
  return vectors.flatMap((vector, slot) => {
    if (vector.namespace !== namespace) return [];
    const product = vector.codes.reduce((sum, code, i) => sum + code * codes[i]!, 0);
    expect(Math.abs(product)).toBeLessThan(2 ** 31);
    const dot = product * vector.scale * query.scale;
    const squared = query.length * query.length + vector.length * vector.length - (dot + dot);
    const centre = metric === 'l2' ? -Math.sqrt(Math.max(0, squared)) : dot;
    const margin = metric === 'l2' ? vector.error + query.error : (query.length + query.error) * vector.error + query.error * vector.length;
    return centre + margin >= threshold ? [{ slot, closest: centre + margin, guaranteed: centre - margin }] : [];
  });
}

// One page at the very end of the memory: a load beyond it traps.
const scanner = new Scanner(scanModule, new PageMemory(PAGE_BYTES));

function scan(metric: Metric, values: Float32Array, vectors: Vector[], namespace: number, threshold: number): Found[] {
  const layout = pageLayout(values.length);
  const page = new VectorPage(scanner.memory, layout);
  for (const [slot, vector] of vectors.entries()) {
    page.codesAt(slot).set(vector.codes);
    page.set(slot, slot + 1, vector.namespace, vector);
  }
  const found = scanner.scan(page, vectors.length, scanner.prepare(metric, values, namespace, layout), threshold);
  page.free();
  return Array.from({ length: found }, (_, i) => ({
    slot: scanner.slotAt(i),
    closest: scanner.closestAt(i),
    guaranteed: scanner.guaranteedAt(i),
  }));
}

const random = new Seeded(30);

const randomVector = (dimensions: number): Vector => ({
  codes: Array.from({ length: dimensions }, () => Math.floor(random.next() * 255) - 127),
  namespace: Math.floor(random.next() * 3),
  scale: random.next() / 100,
  error: random.next() / 10,
  length: random.next() * 4,
});

describe('the scan kernel', () => {
  it.each(METRICS)('[V30] %s: finds the same as plain loops, to the bit', (metric) => {
    const seen = { found: 0, tails: 0, passedOver: 0, padded: 0 };
    const scenario = fc.record({
      dimensions: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(100, 384)),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      threshold: fc.constantFrom(-Infinity, -2, -0.5, 0, 0.5),
      namespace: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(scenario, ({ dimensions, share, threshold, namespace }) => {
        // The scores must not depend on what earlier pages left in memory.
        const { int8 } = scanner.memory.views;
        for (let i = 0; i < 4096; i += 1) int8[Math.floor(random.next() * int8.length)] = Math.floor(random.next() * 255) - 127;
        const count = Math.max(1, Math.round(share * Math.min(60, pageLayout(dimensions).capacity)));
        const vectors = Array.from({ length: count }, () => randomVector(dimensions));
        const values = Float32Array.from({ length: dimensions }, () => random.next() * 2 - 1);
        const expected = scanPlainly(metric, values, vectors, namespace, threshold);
        expect(scan(metric, values, vectors, namespace, threshold)).toEqual(expected);
        seen.found += expected.length;
        seen.passedOver += vectors.filter((vector) => vector.namespace === namespace).length - expected.length;
        if (count % 4 !== 0) seen.tails += 1;
        if (dimensions % 8 !== 0) seen.padded += 1;
      }),
      { seed: 30, numRuns: effort(300) },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it.each(METRICS)('[V30] %s: scans full pages of any number of dimensions, up to the end of the memory', (metric) => {
    for (const dimensions of [2, 7, 100, 768, 1536, 4096, MOST]) {
      const vectors = Array.from({ length: pageLayout(dimensions).capacity }, (_, i) => ({
        ...randomVector(dimensions),
        namespace: i % 2,
      }));
      const values = Float32Array.from({ length: dimensions }, () => random.next() * 2 - 1);
      const found = scan(metric, values, vectors, 1, -Infinity);
      expect(found).toEqual(scanPlainly(metric, values, vectors, 1, -Infinity));
      expect(found.length).toBeGreaterThan(0);
    }
  });

  it.each(METRICS)('[V30] %s: a vector that just reaches the threshold is found', (metric) => {
    const vectors = Array.from({ length: 50 }, () => randomVector(20));
    const values = Float32Array.from({ length: 20 }, () => random.next() * 2 - 1);
    const all = scan(metric, values, vectors, 1, -Infinity);
    expect(all.length).toBeGreaterThan(5);
    for (const { slot, closest } of all) {
      expect(scan(metric, values, vectors, 1, closest).map((found) => found.slot)).toContain(slot);
    }
  });

  it('[V30] does not overflow on the largest products of the most dimensions', () => {
    const signs = [1, -1];
    const vectors = signs.map((sign) => ({ ...randomVector(MOST), namespace: 1, codes: Array.from({ length: MOST }, () => 127 * sign) }));
    const values = new Float32Array(MOST).fill(3.4e38);
    const found = scan('dot', values, vectors, 1, -Infinity);
    expect(found).toEqual(scanPlainly('dot', values, vectors, 1, -Infinity));
    expect(found.map(({ closest }) => Math.sign(closest))).toEqual([1, expect.any(Number)]);
  });
});
