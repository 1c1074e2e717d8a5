import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { LogBodies, LogEntry, LoggedRequest } from '../../upstreams/log/log-entry.ts';
import type { LogPolicy } from '../../upstreams/log/log-policy.ts';
import { keptOf } from '../../upstreams/log/log-policy.ts';
import { redacted } from '../../upstreams/log/redaction.ts';
import type { GatheredRequests } from '../../upstreams/log/request-log-buffer.ts';
import { RequestLogBuffer } from '../../upstreams/log/request-log-buffer.ts';
import type { LogBatch, Taken } from '../../upstreams/log/request-log-store.ts';
import { DelayedDelivery } from '../api/delayed-delivery.ts';

/** The log of a tenant, as far as what writes it calls it. */
export interface RequestLogSink {
  append(batch: LogBatch): Promise<Outcome<Taken>>;
  policy(): Promise<LogPolicy>;
}

interface RequestLoggingParts {
  readonly sinkOf: (tenantId: TenantId) => RequestLogSink;
  readonly isolateId: string;
  readonly onLost: () => void;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  readonly background: (work: Promise<unknown>) => void;
}

/** Gathers the requests of this isolate and delivers them to the logs of their tenants, after they were answered. */
export class RequestLogging {
  readonly #parts: RequestLoggingParts;
  readonly #buffer: RequestLogBuffer;
  readonly #delayed: DelayedDelivery;
  /** As the logs answered last. */
  readonly #policies = new Map<TenantId, LogPolicy>();

  constructor(parts: RequestLoggingParts) {
    this.#parts = parts;
    this.#buffer = new RequestLogBuffer(parts.isolateId, parts.onLost);
    this.#delayed = new DelayedDelivery({ ...parts, delayMs: REQUEST_LOG_LIMITS.requestLogFlushMs, deliver: () => this.flush() });
  }

  /** Whether what is said by this request may be kept: then its answer is to be gathered. True until the tenant's policy is known. */
  wantsBodies(tenantId: TenantId, requestId: string): boolean {
    const policy = this.#policies.get(tenantId);
    return policy === undefined || keptOf(policy, requestId).bodies;
  }

  note(entry: LogEntry, bodies?: LogBodies): void {
    this.#buffer.add(bodies === undefined ? { entry } : { entry, bodies });
    this.#delayed.notice();
  }

  /** Delivers everything that waits, now. What cannot be delivered stays, within bounds. */
  async flush(): Promise<void> {
    await Promise.all(this.#buffer.batches().map(({ tenantId, batch }) => this.#deliver(tenantId, batch)));
  }

  async #deliver(tenantId: TenantId, first: GatheredRequests): Promise<void> {
    for (let batch: GatheredRequests | undefined = first; batch !== undefined;) {
      try {
        if (!(await this.#isTaken(tenantId, batch))) return;
      } catch {
        // Kept by the buffer; the next request's notice tries again.
        return;
      }
      batch = this.#buffer.acknowledge(tenantId, batch) ? this.#buffer.batchOf(tenantId) : undefined;
    }
  }

  /** Redacts by the newest policy: where the log has a newer one, once more by that. [U132] */
  async #isTaken(tenantId: TenantId, batch: GatheredRequests): Promise<boolean> {
    const sink = this.#parts.sinkOf(tenantId);
    const known = this.#policies.get(tenantId) ?? (await sink.policy());
    const first = await sink.append(preparedBy(known, batch));
    // An erased tenant's requests have nowhere to go.
    if (!first.ok) return true;
    this.#remember(tenantId, first.value.policy);
    if (first.value.isTaken) return true;
    const second = await sink.append(preparedBy(first.value.policy, batch));
    return !second.ok || second.value.isTaken;
  }

  #remember(tenantId: TenantId, policy: LogPolicy): void {
    this.#policies.delete(tenantId);
    this.#policies.set(tenantId, policy);
    if (this.#policies.size <= REQUEST_LOG_LIMITS.requestLogPoliciesMaxCount) return;
    for (const oldest of this.#policies.keys()) {
      this.#policies.delete(oldest);
      return;
    }
  }
}

/** As it is sent: without what is not kept, and redacted. */
function preparedBy(policy: LogPolicy, { isolateId, sequence, requests }: GatheredRequests): LogBatch {
  const { redactFields } = policy;
  const prepared = requests.map(({ entry, bodies }): LoggedRequest => {
    if (bodies === undefined || !keptOf(policy, entry.id).bodies) return { entry };
    return { entry, bodies: { request: redacted(bodies.request, redactFields), answer: redacted(bodies.answer, redactFields) } };
  });
  return { isolateId, sequence, requests: prepared, redactedFields: redactFields };
}
