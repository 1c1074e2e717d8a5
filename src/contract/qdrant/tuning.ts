import * as z from 'zod';

import { orNull } from './described.ts';
import { metadata } from '../vectors/vector-fields.ts';
import { absent } from './selectors.ts';

/**
 * What tunes Qdrant's engine. An index tunes itself, so that none of it changes what a search finds; it is checked as there, kept, and shown
 * again. A member that is null stays as it was.
 */

type Members = Readonly<Record<string, unknown>>;

const whole = (min: number) => z.int().min(min).nullish();
const flag = z.boolean().nullish();

const hnsw = z.object({
  m: whole(0),
  ef_construct: whole(4),
  full_scan_threshold: whole(10),
  max_indexing_threads: whole(0),
  on_disk: flag,
  payload_m: whole(0),
  inline_storage: flag,
});

const optimizers = z.object({
  deleted_threshold: z.number().min(0).max(1).nullish(),
  vacuum_min_vector_number: whole(100),
  default_segment_number: whole(0),
  max_segment_size: whole(1),
  memmap_threshold: whole(0),
  indexing_threshold: whole(0),
  flush_interval_sec: whole(0),
  max_optimization_threads: z.union([z.int().min(0), z.literal('auto')]).nullish(),
  prevent_unoptimized: flag,
});

const scalars = z
  .object({})
  .catchall(z.union([z.string().max(64), z.number(), z.boolean(), z.null()]))
  .refine((members) => Object.keys(members).every(({ length }) => length <= 64), 'names a member by more than 64 characters');
const quantizer = z.union([
  z.strictObject({ scalar: scalars }),
  z.strictObject({ product: scalars }),
  z.strictObject({ binary: scalars }),
  z.strictObject({ turbo: scalars }),
]);

const params = {
  replication_factor: whole(1),
  write_consistency_factor: whole(1),
  read_fan_out_factor: whole(0),
  read_fan_out_delay_ms: whole(0),
  on_disk_payload: flag,
};

/** Of the one vector of a point. */
export const vectorTuning = z.object({ hnsw_config: hnsw.nullish(), quantization_config: quantizer.nullish(), on_disk: flag });

const shared = {
  hnsw_config: hnsw.nullish(),
  optimizers_config: optimizers.nullish(),
  metadata: z
    .preprocess((value) => value ?? undefined, metadata.transform((json) => JSON.parse(json) as Members).optional())
    .meta({ override: orNull }),
  strict_mode_config: absent('the limits are those of the gateway, which no collection changes'),
};

export const creationTuning = z.object({ ...shared, ...params, quantization_config: quantizer.nullish() });

/** Described without a property of no name, which no generator of clients can name. */
const onlyUnnamed = z.strictObject({ '': vectorTuning.optional() }, 'names vectors: a point has one, which has no name').meta({
  override: ({ jsonSchema }) => {
    const [vector = {}] = Object.values(jsonSchema.properties ?? {});
    delete jsonSchema.properties;
    Object.assign(jsonSchema, { propertyNames: { enum: [''] }, additionalProperties: vector });
  },
});

export const updatedTuning = z.object({
  ...shared,
  params: z.object(params).nullish(),
  quantization_config: z.union([quantizer, z.literal('Disabled')]).nullish(),
  vectors: onlyUnnamed.nullish(),
  sparse_vectors: z.strictObject({}, 'no sparse vectors are stored').nullish(),
});

/** The members that are said. */
export const saidOf = (members: Readonly<Record<string, unknown>> | null | undefined): Members =>
  Object.fromEntries(Object.entries(members ?? {}).filter(([, value]) => value !== null && value !== undefined));
