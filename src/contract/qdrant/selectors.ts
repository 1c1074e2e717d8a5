import * as z from 'zod';

import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { jsonPath } from './json-path.ts';
import { qdrantFilter } from './filter.ts';
import { pointId } from './point-id.ts';

const paths = z.array(jsonPath).max(VECTOR_LIMITS.metadataPathsMaxCount);

/** Which part of a payload an answer carries. */
const payloadSelector = z.union([
  z.boolean(),
  paths.transform((include) => ({ include })),
  z.strictObject({ include: paths }),
  z.strictObject({ exclude: paths }),
]);

export type PayloadSelector = z.output<typeof payloadSelector>;

/** Absent or null: as the call says. */
export const withPayload = (byDefault: boolean) =>
  payloadSelector.nullish().transform((selector): PayloadSelector => selector ?? byDefault);

/** A point has one vector, which has no name. */
export const withVector = z
  .union([z.boolean(), z.array(z.literal('')).transform((names) => names.length > 0)])
  .nullish()
  .transform((isAsked) => isAsked ?? false);

/** Names a vector, where other servers have several. */
export const onlyVector = z.literal('', 'names a vector: a point has one, which has no name').nullish();

/** What means something in a cluster, or between collections, and is not there. */
export const absent = (message: string) => z.union([z.undefined(), z.null()], { error: message }).optional();

export const noShardKey = absent('an index is not divided by shard keys');

export const pointIds = z.array(pointId).max(VECTOR_LIMITS.qdrantPointsMaxCount);

/** That one of the two is there, and is not null. */
export const SELECTING = {
  allOf: [
    {
      anyOf: [
        { required: ['points'], properties: { points: { type: 'array' as const, items: {} } } },
        { required: ['filter'], properties: { filter: { type: 'object' as const } } },
      ],
    },
  ],
};

/** `{points: [...]}`, `{filter}`, or, as old clients do it, a bare list. An empty filter is every point. */
export const pointsSelector = z
  .union([
    pointIds.transform((points) => ({ points })),
    z.object({ points: pointIds.nullish(), filter: qdrantFilter, shard_key: noShardKey }).meta(SELECTING),
  ])
  .transform((body, context) => selectionOf(body, context));

interface Selected {
  readonly points?: readonly string[] | null | undefined;
  readonly filter?: z.output<typeof qdrantFilter>;
}

/** Which stored points a change is of. */
export type PointSelection = { readonly ids: readonly string[] } | { readonly filter: NonNullable<z.output<typeof qdrantFilter>> };

/** Qdrant takes the points where both are given. */
export function selectionOf(body: Selected, context: z.RefinementCtx): PointSelection {
  if (body.points !== undefined && body.points !== null) return { ids: body.points };
  if (body.filter !== undefined) return { filter: body.filter };
  context.issues.push({ code: 'custom', input: body, message: 'give `points` or `filter`' });
  return z.NEVER;
}
