import type { ReuseName } from '../../contract/routes/answer-reuse.ts';
import type { KeyId, ProjectId, TenantId } from '../../kernel/ids.ts';
import type { AttemptRecord } from '../dispatch.ts';
import type { HookRecord } from '../guardrails/guardrail-policy.ts';
import type { Savings } from '../money/savings.ts';
import type { Surface } from '../protocol/surfaces.ts';

/** What one request was, did and cost: facts, no content. */
export interface LogEntry {
  /** The `x-request-id` of the answer. */
  readonly id: string;
  readonly tenantId: TenantId;
  readonly projectId: ProjectId;
  readonly keyId: KeyId;
  /** When the request was accepted. */
  readonly atMs: number;
  readonly surface: Surface;
  /** What the request asked for: a model, `upstream/model` or a route. */
  readonly model: string;
  /** The route that made the plan, as `name@version`. */
  readonly route: string | null;
  /** The prompt whose messages the request had, as `name@version`. Absent: it named none. */
  readonly prompt?: string | undefined;
  /** What served, as `upstream/model`; where nothing did, what was asked last, or would have been in an outage. Null: nothing. */
  readonly target: string | null;
  readonly attempts: readonly AttemptRecord[];
  /** What hooks of the route did. Absent in entries of before there were any. */
  readonly guardrails?: readonly HookRecord[];
  /** The status of the answer; of a stream that failed on its way, the status it would have had. */
  readonly status: number;
  /** The code of the refusal or failure. */
  readonly code: string | null;
  readonly isStream: boolean;
  /** Whether the upstream reported the tokens, or they were counted. */
  readonly usage: 'reported' | 'counted' | 'none';
  readonly inputTokens: number;
  /** Of the input tokens: what the upstream had cached. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Exactly what the ledger was charged for the request. */
  readonly costNano: number;
  /** Of that: what other models were charged for the same call, such as the student of an escalated one. Absent: nothing. */
  readonly besides?: readonly BesideCharge[];
  /** Whether Sluice made the call itself, and no caller got its answer. Absent: a caller made it. */
  readonly isShadow?: boolean;
  /** Absent where nothing was answered, and in entries from before it was known. */
  readonly savings?: Savings;
  /** Null: answered without any, or never. */
  readonly firstTokenMs: number | null;
  readonly totalMs: number;
  readonly cache: 'hit' | 'miss' | 'bypass';
  /** Whether, and how, the answer was reused. Absent in entries of before it was noted. */
  readonly reuse?: ReuseName;
  /** What the caller attached: short names and texts. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** What a model was charged for a call that another one answered. */
export interface BesideCharge {
  /** As `upstream/model`. */
  readonly target: string;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly costNano: number;
}

/** What was said. In the log it is redacted, and cut at `requestLogBodyBytesMax`. */
export interface LogBodies {
  readonly request: string;
  readonly answer: string;
}

export interface LoggedRequest {
  readonly entry: LogEntry;
  readonly bodies?: LogBodies;
}

/** An opinion on an answer: of a person, or of an evaluation. */
export interface Feedback {
  /** What was judged, such as `helpful` or `faithfulness`. The same name of the same key again replaces it. */
  readonly name: string;
  readonly keyId: KeyId | null;
  /** From 0 to 1, the higher the better. */
  readonly score: number;
  readonly label: string | null;
  readonly comment: string | null;
  /** Of the evaluation that gave it. */
  readonly version: string | null;
  readonly atMs: number;
}
