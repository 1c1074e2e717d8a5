import type { Refusal, RequestPart } from '../api/errors.ts';
import { ERRORS, messageOf, paramOf, suggestionOf } from '../api/errors.ts';

/** How Qdrant begins what it says, by status. */
const OPENINGS: Readonly<Record<number, string>> = {
  400: 'Wrong input: ',
  404: 'Not found: ',
  408: 'Timeout error: ',
  409: 'Wrong input: ',
};

const PARTS = {
  path: 'path parameters',
  query: 'query parameters',
  headers: 'headers',
  body: 'JSON body',
} as const satisfies Record<RequestPart, string>;

/** Qdrant's status: a value beyond its bounds is 422, what takes too long 408, and all else as the one error table says. */
function qdrantStatus({ code, schema }: Refusal): number {
  if (schema?.fault === 'bound') return 422;
  return code === 'deadline_exceeded' ? 408 : ERRORS[code].status;
}

/** Qdrant's status and error shape, together with the fields of the one error table. */
export const qdrantError = (error: Refusal, requestId: string) => ({
  status: qdrantStatus(error),
  body: {
    status: {
      error: qdrantMessage(error),
      code: error.code,
      param: paramOf(error),
      ...suggestionOf(error),
      ...(error.applied === undefined ? {} : { applied: error.applied }),
    },
    time: 0,
    request_id: requestId,
  },
});

function qdrantMessage(error: Refusal): string {
  const { code, schema } = error;
  const message = messageOf(error);
  if (schema?.fault === 'bound') return `Validation error in ${PARTS[schema.part]}: [${message}]`;
  if (schema !== undefined) return `${schema.part === 'body' ? 'Format' : 'Deserialize'} error in ${PARTS[schema.part]}: ${message}`;
  if (code === 'malformed_json') return `Format error in JSON body: ${message}`;
  const opening = OPENINGS[qdrantStatus(error)] ?? '';
  return `${opening}${resourceMessage(error) ?? message}`;
}

/** Word for word, as some look for it in the text. */
function resourceMessage({ code, resource }: Refusal): string | undefined {
  if (code === 'vector_not_found' && resource?.kind === 'vector') return `No point with id ${resource.name} found`;
  if (resource?.kind !== 'index') return undefined;
  if (code === 'index_not_found') return `Collection \`${resource.name}\` doesn't exist!`;
  return code === 'already_exists' ? `Collection \`${resource.name}\` already exists!` : undefined;
}
