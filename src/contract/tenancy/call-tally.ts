import { LatencyBuckets } from '../../kernel/latency-buckets.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';

/** Each bucket ends 5 % above the one before it, from a millisecond on. */
export const CALL_LATENCIES = new LatencyBuckets(1, 1.05);

/** Calls that failed by no fault of the caller, as `failed`, and those that were answered, by the bucket of their latency. */
export type CallCounts = Readonly<Record<string, number>>;

/** What an isolate answered of one endpoint for one tenant since its last report. */
export interface CallTally {
  /** Deterministic: a tally that is delivered twice counts once. */
  readonly id: string;
  readonly isolateId: string;
  readonly organisationId: OrganisationId;
  readonly tenantId: TenantId;
  /** Its method and the pattern of its path, such as `POST /v1/indexes/:index/query`; `POST /v1/chat/*` where the Worker behind it failed. */
  readonly endpoint: string;
  readonly atMs: number;
  readonly counts: CallCounts;
}

/** What a call counts as; undefined: as nothing, because its caller was at fault. [SL5] */
export function callCounter(status: number, elapsedMs: number): string | undefined {
  if (status >= 500) return 'failed';
  return status < 400 ? String(CALL_LATENCIES.bucketOf(elapsedMs)) : undefined;
}
