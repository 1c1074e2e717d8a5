/** What is counted, billed and limited. Quantities are integers in the unit the name states. */
export const METERS = [
  'requests',
  'embedding_tokens',
  'embedding_cached_tokens',
  'vectors_written',
  'vector_queries',
  'vector_cached_queries',
  'job_tokens',
  'accelerator_ms',
] as const;

export type Meter = (typeof METERS)[number];

/** Quantities by meter; an absent meter is zero. */
export type Quantities = Readonly<Partial<Record<Meter, number>>>;
