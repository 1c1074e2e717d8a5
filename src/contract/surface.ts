import type { Refusal, RequestPart } from './errors.ts';
import { ERRORS } from './errors.ts';

/** Which API a path belongs to: each has its own shape of errors. */
export type Surface = 'sluice' | 'qdrant';

const QDRANT = '/qdrant';

/** What Qdrant's API has at its root, and Sluice's own has not. */
const QDRANT_ROOTS = new Set(['collections', 'aliases', 'livez']);

/** Where a path of the endpoint table is served: Qdrant's also at the root, for clients that are given a URL and no prefix. */
export const mountsOf = (path: string): readonly string[] => (path.startsWith(`${QDRANT}/`) ? [path, path.slice(QDRANT.length)] : [path]);

export function surfaceOf(path: string): Surface {
  const [, first = ''] = path.split('/', 2);
  return QDRANT_ROOTS.has(first) || path.startsWith(`${QDRANT}/`) ? 'qdrant' : 'sluice';
}

/** How Qdrant begins what it says, by status. */
const OPENINGS: Readonly<Record<number, string>> = { 400: 'Wrong input: ', 404: 'Not found: ', 409: 'Wrong input: ' };

const PARTS = {
  path: 'path parameters',
  query: 'query parameters',
  headers: 'headers',
  body: 'JSON body',
} as const satisfies Record<RequestPart, string>;

/** Qdrant's status: a value beyond its bounds is 422, and all else as the one error table says. */
const qdrantStatus = ({ code, schema }: Refusal): number => (schema?.fault === 'bound' ? 422 : ERRORS[code].status);

/** Qdrant's status and error shape; beside what its clients read stands what the one error table says. */
export const qdrantError = (error: Refusal, requestId: string) => ({
  status: qdrantStatus(error),
  body: {
    status: {
      error: qdrantMessage(error),
      code: error.code,
      param: error.param ?? null,
      ...(error.applied === undefined ? {} : { applied: error.applied }),
    },
    time: 0,
    request_id: requestId,
  },
});

function qdrantMessage({ code, message, schema, index }: Refusal): string {
  if (schema?.fault === 'bound') return `Validation error in ${PARTS[schema.part]}: [${message}]`;
  if (schema !== undefined) return `${schema.part === 'body' ? 'Format' : 'Deserialize'} error in ${PARTS[schema.part]}: ${message}`;
  if (code === 'malformed_json') return `Format error in JSON body: ${message}`;
  const opening = OPENINGS[ERRORS[code].status] ?? '';
  // Word for word, as some look for it in the text.
  if (code === 'index_not_found' && index !== undefined) return `${opening}Collection \`${index}\` doesn't exist!`;
  if (code === 'already_exists' && index !== undefined) return `${opening}Collection \`${index}\` already exists!`;
  return `${opening}${message}`;
}
