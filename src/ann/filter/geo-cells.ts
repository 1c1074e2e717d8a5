import type { GeoPoint } from '../../contract/geo-area.ts';
import type { GeoBox } from './geo.ts';

/**
 * The globe as a grid whose cells are numbered along a Z-order curve, so that boxes are few ranges of numbers. A key is the number of a
 * point's cell in hexadecimal, which sorts alike, followed by the point itself for exact checks.
 */

// Halvings of each axis: the sides of a cell are at most 38 m.
const LEVELS = 20;
const CELLS = 2 ** LEVELS;
const DIGITS = LEVELS / 2;

// Each range is one look-up in the index; more of them cover a box more closely.
const RANGES_MAX = 64;

export const geoKey = ({ lat, lon }: GeoPoint): string => `${digits(numberOf(column(lon), line(lat)))}:${lat},${lon}`;

export function pointOfGeoKey(key: string): GeoPoint {
  const [lat, lon] = key.slice(DIGITS + 1).split(',');
  return { lat: Number(lat), lon: Number(lon) };
}

/** Keys from `from` on and before `to`. */
interface KeyRange {
  readonly from: string;
  readonly to: string;
}

/** Disjoint ranges that together hold the keys of all points in a box, and few others. */
export function keyRanges({ south, west, north, east }: GeoBox): KeyRange[] {
  const [x0, x1, y0, y1] = [column(west), column(east), line(south), line(north)];
  const ranges: [from: number, to: number][] = [];
  // Squares of 2^level cells a side that overlap the box: the largest first.
  const queue: [x: number, y: number, level: number][] = [[0, 0, LEVELS]];
  for (let square = queue.shift(); square !== undefined; square = queue.shift()) {
    const [x, y, level] = square;
    const side = 2 ** level;
    const isInside = x >= x0 && y >= y0 && x + side - 1 <= x1 && y + side - 1 <= y1;
    if (isInside || ranges.length + queue.length + QUARTERS.length > RANGES_MAX) {
      const from = numberOf(x, y);
      ranges.push([from, from + side * side]);
      continue;
    }
    for (const [right, up] of QUARTERS) {
      const [left, low] = [x + (right * side) / 2, y + (up * side) / 2];
      if (left <= x1 && low <= y1 && left + side / 2 > x0 && low + side / 2 > y0) queue.push([left, low, level - 1]);
    }
  }
  return joined(ranges).map(([from, to]) => ({ from: digits(from), to: digits(to) }));
}

const QUARTERS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;

/** Ranges that touch become one. */
function joined(ranges: [from: number, to: number][]): [from: number, to: number][] {
  const result: [from: number, to: number][] = [];
  for (const range of ranges.sort(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last !== undefined && last[1] === range[0]) last[1] = range[1];
    else result.push(range);
  }
  return result;
}

const column = (lon: number): number => cellAt((lon + 180) / 360);
const line = (lat: number): number => cellAt((lat + 90) / 180);
const cellAt = (share: number): number => Math.min(CELLS - 1, Math.max(0, Math.floor(share * CELLS)));

/** The bits of both numbers by turns; there are too many for integer operators. */
function numberOf(x: number, y: number): number {
  let number = 0;
  for (let level = LEVELS - 1; level >= 0; level -= 1) number = number * 4 + ((y >> level) & 1) * 2 + ((x >> level) & 1);
  return number;
}

/** One digit more than a cell needs sorts the end of the last range behind everything. */
const digits = (number: number): string => (number === CELLS * CELLS ? 'g' : number.toString(16).padStart(DIGITS, '0'));
