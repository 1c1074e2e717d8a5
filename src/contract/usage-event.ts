import type { KeyId, OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';
import type { Meter } from './meter.ts';

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
