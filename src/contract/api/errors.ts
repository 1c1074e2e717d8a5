import type { FieldPath } from './field-path.ts';
import { pathText, shownName } from './field-path.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import { typeIn } from './upstream-answer.ts';

/**
 * The error catalogue. Every refusal the API can answer is a row here; a code without a row does not compile.
 *
 * `type` is OpenAI's error family, `retryable` is sent as `x-should-retry`, `level` is how loudly it is logged.
 */
interface ErrorRow {
  readonly status: number;
  readonly type: string;
  readonly retryable: boolean;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

const invalid = (status: number): ErrorRow => ({ status, type: 'invalid_request_error', retryable: false, level: 'info' });
const conflict = (status: number): ErrorRow => ({ status, type: 'conflict_error', retryable: false, level: 'info' });
const denied = (status: number, type: string): ErrorRow => ({ status, type, retryable: false, level: 'info' });
const failed = (status: number, retryable: boolean): ErrorRow => ({ status, type: 'server_error', retryable, level: 'error' });

export const ERRORS = {
  malformed_json: invalid(400),
  invalid_value: invalid(400),
  limit_exceeded: invalid(400),
  dimension_mismatch: invalid(400),
  /** What a call goes on from is not stored, or no more: OpenAI's code and status. */
  previous_response_not_found: invalid(400),
  missing_api_key: denied(401, 'authentication_error'),
  invalid_api_key: denied(401, 'authentication_error'),
  key_expired: denied(401, 'authentication_error'),
  scope_denied: denied(403, 'permission_error'),
  address_denied: denied(403, 'permission_error'),
  origin_denied: denied(403, 'permission_error'),
  tenant_suspended: denied(403, 'permission_error'),
  /** A rule of the route that the request names refuses it. */
  route_refused: denied(403, 'permission_error'),
  route_not_found: denied(404, 'not_found_error'),
  model_not_found: denied(404, 'not_found_error'),
  /** A route of `/v1/routes`, or a version of one; `route_not_found` is a path of the API. */
  model_route_not_found: denied(404, 'not_found_error'),
  prompt_not_found: denied(404, 'not_found_error'),
  index_not_found: denied(404, 'not_found_error'),
  alias_not_found: denied(404, 'not_found_error'),
  vector_not_found: denied(404, 'not_found_error'),
  document_not_found: denied(404, 'not_found_error'),
  file_not_found: denied(404, 'not_found_error'),
  job_not_found: denied(404, 'not_found_error'),
  batch_not_found: denied(404, 'not_found_error'),
  fine_tuning_job_not_found: denied(404, 'not_found_error'),
  pool_not_found: denied(404, 'not_found_error'),
  node_not_found: denied(404, 'not_found_error'),
  queue_not_found: denied(404, 'not_found_error'),
  cohort_not_found: denied(404, 'not_found_error'),
  request_not_found: denied(404, 'not_found_error'),
  response_not_found: denied(404, 'not_found_error'),
  chat_completion_not_found: denied(404, 'not_found_error'),
  reservation_not_found: denied(404, 'not_found_error'),
  erasure_not_found: denied(404, 'not_found_error'),
  purge_not_found: denied(404, 'not_found_error'),
  organisation_not_found: denied(404, 'not_found_error'),
  tenant_not_found: denied(404, 'not_found_error'),
  project_not_found: denied(404, 'not_found_error'),
  key_not_found: denied(404, 'not_found_error'),
  record_not_found: denied(404, 'not_found_error'),
  upstream_not_found: denied(404, 'not_found_error'),
  method_not_allowed: denied(405, 'invalid_request_error'),
  /** The body came too slowly. */
  request_timeout: { status: 408, type: 'invalid_request_error', retryable: true, level: 'info' },
  already_exists: conflict(409),
  state_conflict: conflict(409),
  /** What the idempotency key made is gone: it makes nothing again. */
  idempotency_key_spent: conflict(409),
  stale_fence: conflict(409),
  /** The pool needs the agent no more: it stops. */
  agent_retired: conflict(409),
  contract_mismatch: conflict(409),
  payload_too_large: invalid(413),
  unsupported_media_type: invalid(415),
  idempotency_mismatch: conflict(422),
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', retryable: true, level: 'info' },
  insufficient_quota: { status: 429, type: 'insufficient_quota', retryable: false, level: 'info' },
  internal_error: failed(500, false),
  /** Known to an API that is served here in part. */
  not_offered: invalid(501),
  unavailable: failed(503, true),
  /** There is no room left to write into. Nothing was written. */
  storage_full: failed(503, true),
  /** An object has more to do than it can before its callers give up. */
  overloaded: { status: 503, type: 'server_error', retryable: true, level: 'warn' },
  /** No replica of a job of online inference answers now. */
  no_healthy_replica: { status: 503, type: 'server_error', retryable: true, level: 'info' },
  /** A guardrail blocks what it found in the request or the answer. */
  guardrail_blocked: invalid(400),
  /** An upstream refused the request itself: the message is the upstream's. */
  upstream_rejected: invalid(400),
  /** Every upstream that was asked refuses its key, or is not where it is said to be: repeating the call changes nothing. */
  upstream_misconfigured: failed(502, false),
  /** Upstreams were asked, and none gave an answer. */
  upstream_failed: { status: 502, type: 'server_error', retryable: true, level: 'warn' },
  /** Every upstream that serves the model is considered down, or could not be reached. */
  upstream_unavailable: { status: 503, type: 'server_error', retryable: true, level: 'warn' },
  /** Every upstream that serves the model is at its limits, or asked for a pause. */
  upstream_busy: { status: 503, type: 'server_error', retryable: true, level: 'info' },
  index_growing: { status: 503, type: 'server_error', retryable: true, level: 'warn' },
  // Between gateways and objects only.
  stale_route: failed(503, true),
  lease_expired: failed(503, true),
  /** The index changes over to another generation, which takes some milliseconds: a gateway waits before it answers this. */
  index_moving: { status: 503, type: 'server_error', retryable: true, level: 'info' },
  deadline_exceeded: failed(504, true),
  not_cached: denied(504, 'invalid_request_error'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * A refusal inside Sluice: plain data, so that it crosses RPC unchanged. [G51]
 *
 * Code acts on its fields and never on its words: `message` is read where an answer or a log line is written, and nowhere else.
 */
export interface Refusal {
  readonly code: ErrorCode;
  /** What is wrong, without secrets or inputs. With a `path` it does not repeat the field: `has 3 numbers; the index has 4 dimensions`. */
  readonly message: string;
  /** Where the offending field stands in the request. Absent: no field is at fault. */
  readonly path?: FieldPath;
  /** The limit that was hit, and what would have exceeded it. */
  readonly limit?: Limit;
  readonly value?: number;
  /** What the caller seems to have meant: a field, a value, a name or a path. [G146] */
  readonly didYouMean?: string;
  /** What is there or is not, by the name that was given. */
  readonly resource?: Resource;
  readonly retryAfterMs?: number;
  /** Where a value was that its schema refused, and why: it is of another kind, or beyond a bound. */
  readonly schema?: { readonly part: RequestPart; readonly fault: 'format' | 'bound' };
  /** With `contract_mismatch`: the embedding contracts that would have done. */
  readonly accepted?: readonly AcceptedContract[];
  /** With `idempotency_key_spent`: what the key made, and since when it is gone. */
  readonly spent?: SpentKey;
  /** Of a call that is done in slices: how many of its items had been done before. Absent: none. */
  readonly applied?: number;
  /** What an upstream has answered: on the wire it stands in the place of the code's own status and words. [U204] */
  readonly upstream?: UpstreamAnswer;
}

/** What a request under an idempotency key had made, and is no more. */
export interface SpentKey {
  readonly id: string;
  /** Null: not known. */
  readonly endedAtMs: number | null;
}

/** A bound; `name`: its name, if it is one of the limits of the API. */
export interface Limit {
  readonly name?: string;
  readonly bound: number;
}

export interface Resource {
  readonly kind:
    | 'index'
    | 'alias'
    | 'vector'
    | 'document'
    | 'model'
    | 'route'
    | 'prompt'
    | 'job'
    | 'batch'
    | 'fine_tuning_job'
    | 'queue'
    | 'cohort'
    | 'reservation'
    | 'pool'
    | 'node'
    | 'file'
    | 'upload'
    | 'response'
    | 'chat_completion'
    | 'purge'
    | 'erasure'
    | 'upstream';
  /** As it was given: a name or an id. */
  readonly name: string;
}

export type RequestPart = 'path' | 'query' | 'headers' | 'body';

export interface AcceptedContract {
  readonly model: string;
  readonly contract_hash: string;
}

/** `at`: the path of the field at fault, or the name of one at the top of the request. */
export function refusal(code: ErrorCode, message: string, at: FieldPath | string = []): Refusal {
  const path = typeof at === 'string' ? [at] : at;
  return path.length === 0 ? { code, message } : { code, message, path };
}

/** The same refusal of another field; of none, if the path is empty. */
export function refusalAt(error: Refusal, path: FieldPath): Refusal {
  const { path: _before, ...rest } = error;
  return path.length === 0 ? rest : { ...rest, path };
}

/** The same refusal, saying more. */
export const withDetail = (error: Refusal, detail: string): Refusal => ({ ...error, message: `${error.message}; ${detail}` });

/** The same refusal with what the caller seems to have meant, which its words say, too. */
export const withSuggestion = (error: Refusal, word: string | undefined): Refusal =>
  word === undefined
    ? error
    : { ...error, message: `${error.message}: did you mean ${JSON.stringify(shownName(word))}?`, didYouMean: word };

/** The status of the answer. */
export const statusOf = ({ code, upstream }: Refusal): number => upstream?.status ?? ERRORS[code].status;

/** Whether the same call may be answered later. */
export const isRetryable = ({ code, upstream }: Refusal): boolean => upstream?.isRetryable ?? ERRORS[code].retryable;

/** The status by which a call counts where failures are summed: what an upstream lacks is no fault of the caller, whatever status that has said. [U209] */
export const countedStatus = (status: number, code: string | null | undefined): number =>
  code === 'upstream_busy' || code === 'upstream_failed' ? ERRORS[code].status : status;

/** The code as answers name it: an upstream's own, where it has one. */
export const codeOf = ({ code, upstream }: Refusal): string => upstream?.code ?? code;

/** The field at fault as answers name it, such as `vectors[3].values`; null: none is. */
export const paramOf = ({ path, upstream }: Refusal): string | null => upstream?.param ?? (path === undefined ? null : pathText(path));

/** Which upstream's answer it is, as answers show it; nothing: it is Sluice's own. [U205] */
export const upstreamReply = ({ upstream }: Refusal): { readonly upstream?: WireUpstream } =>
  upstream === undefined ? {} : { upstream: { name: upstream.target, status: upstream.status } };

/** The whole sentence of an answer or a log line: the field at fault, if one is, and what is wrong. [G52] */
export const messageOf = (error: Refusal): string =>
  error.path === undefined ? error.message : `${pathText(error.path)}: ${error.message}`;

/** Ends a stream that was refused midway: what iterates over it learns why. */
export class RefusedStream extends Error {
  override readonly name = 'RefusedStream';
  readonly refusal: Refusal;

  constructor(reason: Refusal) {
    super(messageOf(reason));
    this.refusal = reason;
  }
}

/** The upstream whose error it is, as `upstream/model`, and what it has answered. */
export interface WireUpstream {
  readonly name: string;
  readonly status: number;
}

/** OpenAI's error shape, plus the request id. */
export interface WireError {
  readonly error: {
    message: string;
    type: string;
    param: string | null;
    /** An `ErrorCode`, or what an upstream calls it. */
    code: string;
    upstream?: WireUpstream;
    limit?: Limit;
    value?: number;
    did_you_mean?: string;
    accepted?: readonly AcceptedContract[];
    spent?: { readonly id: string; readonly ended_at: number | null };
    applied?: number;
  };
  readonly request_id: string;
}

export const wireError = (error: Refusal, requestId: string): WireError => ({
  error: {
    message: messageOf(error),
    type: error.upstream === undefined ? ERRORS[error.code].type : typeIn('openai', error.upstream),
    param: paramOf(error),
    code: codeOf(error),
    ...upstreamReply(error),
    ...(error.limit === undefined ? {} : { limit: error.limit }),
    ...(error.value === undefined ? {} : { value: error.value }),
    ...suggestionOf(error),
    ...(error.accepted === undefined ? {} : { accepted: error.accepted }),
    ...(error.spent === undefined ? {} : { spent: spentReply(error.spent) }),
    ...(error.applied === undefined ? {} : { applied: error.applied }),
  },
  request_id: requestId,
});

/** What the caller seems to have meant, as answers of every shape have it. */
export const suggestionOf = ({ didYouMean }: Refusal) => (didYouMean === undefined ? {} : { did_you_mean: didYouMean });

const spentReply = ({ id, endedAtMs }: SpentKey) => ({ id, ended_at: endedAtMs === null ? null : Math.floor(endedAtMs / 1000) });
