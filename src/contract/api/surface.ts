import type { ErrorCode, Refusal } from './errors.ts';
import { codeOf, ERRORS, messageOf, paramOf, statusOf, upstreamReply, wireError } from './errors.ts';
import { typeIn } from './upstream-answer.ts';

/** Which API a path belongs to: each has its own shape of errors. */
export type Surface = 'sluice' | 'qdrant' | 'kserve' | 'anthropic' | 'cohere' | 'jina' | 'tei';

const QDRANT = '/qdrant';

/** What Qdrant's API has at its root, and Sluice's own has not. */
const QDRANT_ROOTS = new Set(['collections', 'aliases', 'livez', 'cluster', 'issues', 'locks', 'snapshots', 'telemetry']);

/** Where a path of the endpoint table is served: Qdrant's also at the root, for clients that are given a URL and no prefix. */
export function mountsOf(path: string): readonly string[] {
  if (path === QDRANT) return [path, `${path}/`, '/'];
  return path.startsWith(`${QDRANT}/`) ? [path, path.slice(QDRANT.length)] : [path];
}

/** Of the paths of which API the first two segments, or the first alone, decide. */
const BY_BEGINNING: ReadonlyMap<string, Surface> = new Map<string, Surface>([
  ['v2', 'kserve'],
  ['v2/chat', 'cohere'],
  ['v2/embed', 'cohere'],
  ['v2/rerank', 'cohere'],
  ['v1/embed', 'cohere'],
  ['v1/embeddings', 'jina'],
  ['v1/rerank', 'jina'],
  ['v1/messages', 'anthropic'],
  ['embed', 'tei'],
  ['rerank', 'tei'],
  ['tei', 'tei'],
]);

/** Of whose clients a request is; what a path leaves open, the header decides that Anthropic's clients send with every call. [G125] */
export function surfaceOf(path: string, headers?: { has(name: string): boolean }): Surface {
  const [, first = '', second = ''] = path.split('/', 3);
  if (QDRANT_ROOTS.has(first) || `/${first}` === QDRANT) return 'qdrant';
  const known = BY_BEGINNING.get(`${first}/${second}`) ?? BY_BEGINNING.get(first);
  if (known !== undefined) return known;
  return headers?.has('anthropic-version') === true && !OPENAI_ONLY.has(second) ? 'anthropic' : 'sluice';
}

/** Below `/v1`: what Anthropic's API has not, so that its header is there for the upstream alone. */
const OPENAI_ONLY = new Set(['chat', 'completions', 'responses', 'moderations', 'upstreams']);

/** KServe's error is one text; beside it stands what the one error table has. */
export const kserveError = (error: Refusal, requestId: string) => ({
  error: messageOf(error),
  code: codeOf(error),
  param: paramOf(error),
  request_id: requestId,
});

/** Anthropic's error shape, with the code and the field of Sluice's errors added. Its clients read the status before the type. [U206] */
export const anthropicError = (error: Refusal, requestId: string) => ({
  type: 'error',
  error: {
    type: error.upstream === undefined ? anthropicType(error) : typeIn('anthropic', error.upstream),
    message: messageOf(error),
    code: codeOf(error),
    param: paramOf(error),
    ...upstreamReply(error),
    ...(error.path?.[0] === 'thread' ? { details: UNTHREADED } : {}),
  },
  request_id: requestId,
});

/** Sluice's own refusals in the words of Anthropic's errors. */
function anthropicType({ code }: Refusal): string {
  const { status, type } = ERRORS[code];
  if (status === 413) return 'request_too_large';
  if (type === 'insufficient_quota') return 'rate_limit_error';
  if (type !== 'server_error') return type;
  return status === 504 ? 'timeout_error' : BUSY.has(code) ? 'overloaded_error' : 'api_error';
}

/** What goes on when there is less to do. */
const BUSY: ReadonlySet<ErrorCode> = new Set(['overloaded', 'upstream_busy']);

/** Cohere's error is a message. */
export const cohereError = (error: Refusal, requestId: string) => ({
  message: messageOf(error),
  code: codeOf(error),
  param: paramOf(error),
  request_id: requestId,
});

/** Jina's clients read `detail`, those of OpenAI and of older versions of Cohere, which call the same paths, the rest. */
export const jinaError = (error: Refusal, requestId: string) => ({ ...wireError(error, requestId), detail: messageOf(error) });

/** The error of Hugging Face's Text Embeddings Inference: one text, and one of its kinds. */
export const teiError = (error: Refusal, requestId: string) => ({
  error: messageOf(error),
  error_type: teiErrorType(statusOf(error)),
  code: codeOf(error),
  param: paramOf(error),
  request_id: requestId,
});

function teiErrorType(status: number): 'overloaded' | 'backend' | 'validation' {
  if (status === 429) return 'overloaded';
  return status >= 500 ? 'backend' : 'validation';
}

/** By this Anthropic's clients see that a conversation cannot be kept there: they go on by sending all of it. [U195] */
const UNTHREADED = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };
