import type { BreakerState, Feature } from '../../contract/routes/route-conditions.ts';
import type { Served } from '../target.ts';

/** All that the rules of a route can see of a request. */
export interface RequestFacts {
  readonly requestId: string;
  readonly kind: Served;
  readonly stream: boolean;
  readonly has: readonly Feature[];
  readonly promptBytes: number;
  /** Upper bound. */
  readonly promptTokensMax: number;
  /** As the request says; absent: it sets no limit. */
  readonly outputTokensMax?: number;
  readonly messages: number;
  /** What is left of the caller's deadline. */
  readonly deadlineMs?: number;
  readonly priority: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The end user, as the request names one. */
  readonly user?: string;
  readonly tenantId: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly country?: string;
  readonly continent?: string;
  readonly colo?: string;
  /** Of the tightest spend limit of the caller; absent: there is none. */
  readonly budget?: { readonly leftShare: number; readonly leftNano: number } | undefined;
  readonly nowMs: number;
  /** Of a target, by its name `upstream/model`. */
  readonly breaker: (target: string) => BreakerState;
}
