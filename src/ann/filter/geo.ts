import type { GeoArea, GeoPoint } from '../../contract/geo-area.ts';
import type { JsonValue } from '../../contract/json-value.ts';

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
function distanceM(a: GeoPoint, b: GeoPoint): number {
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
export interface GeoBox {
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
