import type { GeoArea, GeoPoint } from '../../contract/vectors/geo-area.ts';
import type { JsonValue } from '../../contract/api/json-value.ts';

/** The mean radius of the Earth, in metres, that distances on a sphere are measured with. */
const EARTH_RADIUS_M = 6_371_008.8;

const RADIANS = Math.PI / 180;

/** The point that metadata names as `{lat, lon}`, in degrees; undefined when it names none. */
export function pointOf(value: JsonValue): GeoPoint | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { lat, lon } = value;
  return typeof lat === 'number' && typeof lon === 'number' && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : undefined;
}

export function isWithin(area: GeoArea, point: GeoPoint): boolean {
  if (area.kind === 'circle') return distanceM(area.center, point) <= area.radiusM;
  if (area.kind === 'polygon') return area.rings.every((ring, i) => (i === 0) === isInRing(ring, point));
  const { south, west, north, east } = area;
  if (point.lat < south || point.lat > north) return false;
  return west <= east ? west <= point.lon && point.lon <= east : point.lon >= west || point.lon <= east;
}

/** Along a great circle, by the haversine formula. */
export function distanceM(a: GeoPoint, b: GeoPoint): number {
  const across = Math.sin(((b.lat - a.lat) * RADIANS) / 2);
  const along = Math.sin(((b.lon - a.lon) * RADIANS) / 2);
  const h = across * across + Math.cos(a.lat * RADIANS) * Math.cos(b.lat * RADIANS) * along * along;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Whether a ray to the east crosses the ring's edges an odd number of times. */
function isInRing(ring: readonly GeoPoint[], { lat, lon }: GeoPoint): boolean {
  let isIn = false;
  let from = ring.at(-1);
  for (const to of ring) {
    if (from !== undefined && from.lat > lat !== to.lat > lat) {
      const crossing = from.lon + ((lat - from.lat) / (to.lat - from.lat)) * (to.lon - from.lon);
      if (lon < crossing) isIn = !isIn;
    }
    from = to;
  }
  return isIn;
}

/** Between two parallels and two meridians, `west <= east`. */
interface GeoBox {
  readonly south: number;
  readonly west: number;
  readonly north: number;
  readonly east: number;
}

// About a decimetre: more than rounding takes a point of the area out of its boxes.
const MARGIN = 1e-6;

/** Boxes that together hold every point of an area: one, or one on either side of the antimeridian. */
export function boxesOf(area: GeoArea): GeoBox[] {
  if (area.kind === 'box')
    return area.west <= area.east
      ? [area]
      : [
          { ...area, east: 180 },
          { ...area, west: -180 },
        ];
  if (area.kind === 'circle') return boxesAround(area.center, area.radiusM);
  const points = area.rings[0] ?? [];
  const [lats, lons] = [points.map(({ lat }) => lat), points.map(({ lon }) => lon)];
  const [west, east] = [Math.min(...lons) - MARGIN, Math.max(...lons) + MARGIN];
  return [{ south: Math.min(...lats), west, north: Math.max(...lats), east }];
}

function boxesAround({ lat, lon }: GeoPoint, radiusM: number): GeoBox[] {
  const angle = radiusM / EARTH_RADIUS_M + MARGIN * RADIANS;
  const [south, north] = [lat - angle / RADIANS, lat + angle / RADIANS];
  // A circle around a pole meets every meridian.
  if (south <= -90 || north >= 90) return [{ south, west: -180, north, east: 180 }];
  const reach = Math.asin(Math.min(1, Math.sin(angle) / Math.cos(lat * RADIANS))) / RADIANS + MARGIN;
  const [west, east] = [lon - reach, lon + reach];
  if (west < -180)
    return [
      { south, west: -180, north, east },
      { south, west: west + 360, north, east: 180 },
    ];
  if (east > 180)
    return [
      { south, west, north, east: 180 },
      { south, west: -180, north, east: east - 360 },
    ];
  return [{ south, west, north, east }];
}

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
