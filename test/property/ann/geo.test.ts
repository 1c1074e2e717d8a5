import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { boxesOf, geoKey, isWithin, keyRanges, pointOfGeoKey } from '../../../src/ann/filter/geo.ts';
import type { GeoArea, GeoPoint } from '../../../src/contract/vectors/geo-area.ts';
import { effort } from '../../support/fixtures/effort.ts';

const lat = fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(-90, 0, 90));
const lon = fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.constantFrom(-180, 0, 180));
const point = fc.record({ lat, lon });

const area: fc.Arbitrary<GeoArea> = fc.oneof(
  fc
    .record({ center: point, exponent: fc.double({ min: 0, max: 7.31, noNaN: true }) })
    .map(({ center, exponent }): GeoArea => ({ kind: 'circle', center, radiusM: 10 ** exponent })),
  fc.tuple(point, point).map(([a, b]): GeoArea => ({
    kind: 'box',
    south: Math.min(a.lat, b.lat),
    north: Math.max(a.lat, b.lat),
    west: a.lon,
    east: b.lon,
  })),
  fc.array(point, { minLength: 3, maxLength: 6 }).map((ring): GeoArea => ({ kind: 'polygon', rings: [ring] })),
);

/** A point near the edge of a circle, where rounding matters, or anywhere. */
const near = (of: GeoArea, { lat: byLat, lon: byLon }: GeoPoint, share: number): GeoPoint => {
  if (of.kind !== 'circle') return { lat: byLat, lon: byLon };
  const turn = (byLon / 180) * Math.PI;
  const reach = ((of.radiusM * share) / 111_195) * (byLat < 0 ? 1 : 0.999_999_9);
  const to = {
    lat: of.center.lat + reach * Math.cos(turn),
    lon: of.center.lon + (reach * Math.sin(turn)) / Math.cos((of.center.lat * Math.PI) / 180),
  };
  const wrapped = { lat: to.lat, lon: ((((to.lon + 180) % 360) + 360) % 360) - 180 };
  return Math.abs(wrapped.lat) <= 90 && Number.isFinite(wrapped.lon) ? wrapped : { lat: byLat, lon: byLon };
};

describe('the keys of points', () => {
  it('[V144] are found by the ranges of every area that holds the point', () => {
    const seen = { within: 0, outside: 0, found: 0 };
    fc.assert(
      fc.property(area, point, fc.constantFrom(0.5, 0.999, 1, 1.001), (of, anywhere, share) => {
        const at = near(of, anywhere, share);
        const key = geoKey(at);
        expect(pointOfGeoKey(key)).toEqual({ lat: at.lat + 0, lon: at.lon + 0 });
        const ranges = boxesOf(of).flatMap(keyRanges);
        expect(ranges.length).toBeLessThanOrEqual(2 * 64);
        const isFound = ranges.some(({ from, to }) => from <= key && key < to);
        if (isWithin(of, at)) expect(isFound).toBe(true);
        seen[isWithin(of, at) ? 'within' : 'outside'] += 1;
        if (isFound) seen.found += 1;
      }),
      { seed: 144, numRuns: effort(3000) },
    );
    expect(seen.within).toBeGreaterThan(500);
    expect(seen.outside).toBeGreaterThan(500);
    expect(seen.found).toBeLessThan(2.5 * seen.within);
  });

  it('[V144] are in disjoint ascending ranges that cover little more than a small area', () => {
    const circle: GeoArea = { kind: 'circle', center: { lat: 52.52, lon: 13.4 }, radiusM: 2000 };
    const ranges = boxesOf(circle).flatMap(keyRanges);
    ranges.slice(1).forEach(({ from }, i) => expect(from > ranges[i]!.to).toBe(true));
    const cells = ranges.reduce((sum, { from, to }) => sum + Number.parseInt(to, 16) - Number.parseInt(from, 16), 0);
    // A cell is 38 m wide at the equator and 19 m high.
    const cellM2 = 38.2 * Math.cos((52.52 * Math.PI) / 180) * 19.1;
    expect((cells * cellM2) / (Math.PI * 2000 ** 2)).toBeLessThan(1.7);
  });
});
