import * as z from 'zod';

import { faultText } from '../api/fault-text.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';

/** A point of the globe, in degrees. */
export interface GeoPoint {
  readonly lat: number;
  readonly lon: number;
}

/** A part of the globe. */
export type GeoArea =
  /** What lies within so many metres of the centre, its edge included. */
  | { readonly kind: 'circle'; readonly center: GeoPoint; readonly radiusM: number }
  /** What lies between two parallels and two meridians, edges included; it crosses the antimeridian when `west > east`. */
  | { readonly kind: 'box'; readonly south: number; readonly west: number; readonly north: number; readonly east: number }
  /** What lies in the first ring and in none of the others, on a map whose axes are degrees; it does not cross the antimeridian. */
  | { readonly kind: 'polygon'; readonly rings: readonly (readonly GeoPoint[])[] };

const point = z.strictObject({ lat: z.number().min(-90).max(90), lon: z.number().min(-180).max(180) });
const ring = z.array(point).min(3);

const circle = z
  .strictObject({ center: point, radius_m: z.number().min(0) })
  .transform(({ center, radius_m: radiusM }): GeoArea => ({ kind: 'circle', center, radiusM }));

const box = z
  .strictObject({ top_left: point, bottom_right: point })
  .refine(({ top_left: from, bottom_right: to }) => from.lat >= to.lat, 'has its top below its bottom')
  .transform(({ top_left: from, bottom_right: to }): GeoArea => ({
    kind: 'box',
    south: to.lat,
    west: from.lon,
    north: from.lat,
    east: to.lon,
  }));

const { filterPolygonPointsMaxCount: pointsMax } = VECTOR_LIMITS;

const polygon = z
  .strictObject({ polygon: ring, holes: z.array(ring).default([]) })
  .transform(({ polygon: outer, holes }): GeoArea => ({ kind: 'polygon', rings: [outer, ...holes] }));

/** The shape that the members of an area name. */
function shapeOf(area: object): z.core.$ZodType<GeoArea> {
  if ('polygon' in area) return polygon;
  if ('center' in area || 'radius_m' in area) return circle;
  return box;
}

type Fault = { readonly message: string; readonly path: PropertyKey[]; readonly maximum?: number };

/** Reads `{center, radius_m}`, `{top_left, bottom_right}` or `{polygon, holes?}`, points being `{lat, lon}` in degrees. */
export function readGeoArea(written: object): GeoArea | Fault {
  const read = z.safeParse(shapeOf(written), written, { error: faultText });
  if (!read.success) {
    const issue = read.error.issues[0];
    return { message: issue?.message ?? 'is no area', path: issue?.path ?? [] };
  }
  const area = read.data;
  if (area.kind !== 'polygon' || area.rings.flat().length <= pointsMax) return area;
  return { message: `has more points than ${pointsMax} (filterPolygonPointsMaxCount)`, path: [], maximum: pointsMax };
}
