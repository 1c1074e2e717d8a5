import type { Refusal } from './errors.ts';
import { ERRORS, messageOf, paramOf } from './errors.ts';

/** Which API a path belongs to: each has its own shape of errors. */
export type Surface = 'sluice' | 'qdrant' | 'kserve' | 'anthropic';

const QDRANT = '/qdrant';

/** What Qdrant's API has at its root, and Sluice's own has not. */
const QDRANT_ROOTS = new Set(['collections', 'aliases', 'livez', 'cluster', 'issues', 'locks', 'snapshots', 'telemetry']);

/** Where a path of the endpoint table is served: Qdrant's also at the root, for clients that are given a URL and no prefix. */
export function mountsOf(path: string): readonly string[] {
  if (path === QDRANT) return [path, `${path}/`, '/'];
  return path.startsWith(`${QDRANT}/`) ? [path, path.slice(QDRANT.length)] : [path];
}

export function surfaceOf(path: string): Surface {
  const [, first = '', second] = path.split('/', 3);
  if (first === 'v2') return 'kserve';
  if (second === 'messages') return 'anthropic';
  return QDRANT_ROOTS.has(first) || `/${first}` === QDRANT ? 'qdrant' : 'sluice';
}

/** KServe's error is one text; beside it stands what the one error table has. */
export const kserveError = (error: Refusal, requestId: string) => ({
  error: messageOf(error),
  code: error.code,
  param: paramOf(error),
  request_id: requestId,
});

/** Anthropic's error shape, with the code and the field of Sluice's errors added. Its clients read the status before the type. */
export const anthropicError = (error: Refusal, requestId: string) => {
  const { type } = ERRORS[error.code];
  return {
    type: 'error',
    error: {
      type: type === 'server_error' ? 'api_error' : type,
      message: messageOf(error),
      code: error.code,
      param: paramOf(error),
      ...(error.path?.[0] === 'thread' ? { details: UNTHREADED } : {}),
    },
    request_id: requestId,
  };
};

/** By this Anthropic's clients see that a conversation cannot be kept there: they go on by sending all of it. [U195] */
const UNTHREADED = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };
