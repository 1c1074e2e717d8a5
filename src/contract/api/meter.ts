import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';

/**
 * What calls to upstreams consume. Tokens are counted apart by kind and cost nothing of themselves: what an upstream charges for a call is
 * `upstream_nano`, in nano-dollars, by the prices of its model (T92). Input tokens that the upstream had cached are not among the others.
 */
export const UPSTREAM_METERS = ['upstream_input_tokens', 'upstream_cached_tokens', 'upstream_output_tokens', 'upstream_nano'] as const;

export type UpstreamMeter = (typeof UPSTREAM_METERS)[number];

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
  ...UPSTREAM_METERS,
] as const;

export type Meter = (typeof METERS)[number];

/** Quantities by meter; an absent meter is zero. */
export type Quantities = Readonly<Partial<Record<Meter, number>>>;

/** What usage can be broken down by. The meter always is: quantities of different meters do not add up. */
export const DIMENSIONS = ['hour', 'day', 'tenant', 'project', 'key', 'model', 'upstream', 'route', 'accelerator'] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/**
 * One quantity that was consumed. The id is deterministic (`attempt:fence:segment`, `slice:sequence`, an idempotency key), so
 * that delivering an event twice bills it once.
 */
export interface UsageEvent {
  readonly id: string;
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  /** Absent for work that no key is at any more, such as a job. */
  readonly keyId?: KeyId;
  readonly meter: Meter;
  /** Integer, in the unit of the meter. */
  readonly quantity: number;
  /** Of an upstream: `upstream/model`. */
  readonly model: string | null;
  /** Of `accelerator_ms`: the type, such as `h100`. */
  readonly accelerator?: string;
  /** Of `accelerator_ms`: what it costs, as was settled before it was used. Absent: by the price book at its time. */
  readonly priceId?: string;
  readonly route: string;
  readonly atMs: number;
}
