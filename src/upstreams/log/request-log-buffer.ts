import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { LoggedRequest } from './log-entry.ts';

/** Requests of a tenant that go to its log together. */
export interface GatheredRequests {
  readonly isolateId: string;
  readonly sequence: number;
  readonly requests: readonly LoggedRequest[];
}

interface Waiting {
  readonly requests: LoggedRequest[];
  /** Sent and not acknowledged: sent again unchanged, before anything newer. */
  sent: GatheredRequests | undefined;
}

/** Requests of one isolate that the logs of their tenants have not taken. [U130] */
export class RequestLogBuffer {
  readonly #isolateId: string;
  readonly #onLost: () => void;
  readonly #tenants = new Map<TenantId, Waiting>();
  #bytes = 0;
  #sequence = 0;

  /** `onLost` is called with each request that finds no room while its log cannot be reached. */
  constructor(isolateId: string, onLost: () => void) {
    this.#isolateId = isolateId;
    this.#onLost = onLost;
  }

  add(request: LoggedRequest): void {
    const bytes = bytesOf(request);
    if (this.#bytes + bytes > REQUEST_LOG_LIMITS.requestLogPendingBytesMax) {
      this.#onLost();
      return;
    }
    this.#bytes += bytes;
    const { tenantId } = request.entry;
    let waiting = this.#tenants.get(tenantId);
    if (waiting === undefined) this.#tenants.set(tenantId, (waiting = { requests: [], sent: undefined }));
    waiting.requests.push(request);
  }

  /** Of each tenant the batch that is to be sent next. */
  batches(): readonly { readonly tenantId: TenantId; readonly batch: GatheredRequests }[] {
    return [...this.#tenants.keys()].flatMap((tenantId) => {
      const batch = this.batchOf(tenantId);
      return batch === undefined ? [] : [{ tenantId, batch }];
    });
  }

  /** Undefined: nothing waits. */
  batchOf(tenantId: TenantId): GatheredRequests | undefined {
    const waiting = this.#tenants.get(tenantId);
    if (waiting === undefined) return undefined;
    if (waiting.sent === undefined && waiting.requests.length > 0) {
      const requests = waiting.requests.splice(0, REQUEST_LOG_LIMITS.requestLogBatchMaxCount);
      waiting.sent = { isolateId: this.#isolateId, sequence: (this.#sequence += 1), requests };
    }
    return waiting.sent;
  }

  /** Answers whether more waits. */
  acknowledge(tenantId: TenantId, batch: GatheredRequests): boolean {
    const waiting = this.#tenants.get(tenantId);
    if (waiting?.sent !== batch) return false;
    waiting.sent = undefined;
    for (const request of batch.requests) this.#bytes -= bytesOf(request);
    if (waiting.requests.length > 0) return true;
    this.#tenants.delete(tenantId);
    return false;
  }
}

/** Facts are some 600 characters. */
const ENTRY_BYTES = 1_000;

const bytesOf = ({ bodies }: LoggedRequest): number =>
  ENTRY_BYTES + (bodies === undefined ? 0 : 2 * (bodies.request.length + bodies.answer.length));
