import { waitUntil } from 'cloudflare:workers';

import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import type { LoggedCallFacts } from '../../../../src/gateway/requests/logged-call.ts';
import { LoggedCall } from '../../../../src/gateway/requests/logged-call.ts';
import { RequestLogAdmin } from '../../../../src/gateway/requests/request-log-admin.ts';
import { RequestLogging } from '../../../../src/gateway/requests/request-logging.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { R2FileWrites } from '../files/r2-file-writes.ts';
import type { GatewayEnv } from '../../env.ts';
import type { Basics } from '../../pipeline/serving.ts';
import { sleep } from '../../../../durable-objects/system-time.ts';

/** The log of requests, for those who write it and those who read it. */
export interface RequestLogParts {
  /** Begins the log of a call. */
  readonly logCall: (facts: LoggedCallFacts) => LoggedCall;
  readonly requests: RequestLogAdmin;
}

export function wireRequestLog(env: GatewayEnv, { clock, rng, metrics }: Basics): RequestLogParts {
  // A stub belongs to the request that made it: one is made for each call.
  const logOf = (tenant: TenantId) => env.REQUEST_LOG.getByName(tenant);
  const logging = new RequestLogging({
    sinkOf: logOf,
    isolateId: crypto.randomUUID(),
    onLost: () => metrics.count('sluice_requests_unlogged_total', {}),
    clock,
    sleep,
    background: waitUntil,
  });
  const writer = new FileWriter({ store: new R2FileWrites(env.FILES), clock });
  return {
    logCall: (facts) => new LoggedCall(facts, { logging, clock }),
    requests: new RequestLogAdmin({ logOf, flush: () => logging.flush(), writer, clock, rng }),
  };
}
