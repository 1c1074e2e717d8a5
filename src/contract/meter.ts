import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';

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

/** What usage can be broken down by. The meter always is: quantities of different meters do not add up. */
export const DIMENSIONS = ['hour', 'day', 'tenant', 'project', 'key', 'model', 'route', 'accelerator'] as const;

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
  readonly model: string | null;
  /** Of `accelerator_ms`: the type, such as `h100`. */
  readonly accelerator?: string;
  readonly route: string;
  readonly atMs: number;
}
