import type { OrganisationId, ProjectId, TenantId } from '../kernel/ids.ts';
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
  readonly meter: Meter;
  /** Integer, in the unit of the meter. */
  readonly quantity: number;
  readonly model: string | null;
  readonly route: string;
  readonly atMs: number;
}
