import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { refusal, refusalAt } from '../../../../src/contract/api/errors.ts';
import type { FieldPath } from '../../../../src/contract/api/field-path.ts';
import { pathBelow } from '../../../../src/contract/api/field-path.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { quotedId } from '../../../../src/contract/qdrant/point-id.ts';
import type { Acting } from '../../../../src/gateway/tenancy/authority.ts';
import { err } from '../../../../src/kernel/result.ts';
import type { Retrieving } from '../../compose-retrieval.ts';
import type { Timing } from '../../pipeline/exchange.ts';

/** Of a call, what reading and deleting points takes. */
export interface PointCall extends Acting {
  readonly gateway: Retrieving;
  /** Its `timeout` is how many seconds a search may take. */
  readonly query?: { readonly timeout?: number | undefined };
}

/** Of a call, what writing points takes. */
export interface WritingCall extends PointCall {
  readonly reserve: (quantities: { readonly vectors_written: number }) => Promise<Outcome<void>>;
}

/** Of a call, what searching takes. */
export interface SearchingCall extends PointCall {
  readonly reserve: (quantities: { readonly vector_queries: number }) => Promise<Outcome<void>>;
}

/** What Qdrant wraps every result in. */
export const enveloped = <T>({ timing }: { readonly timing: Timing }, result: T) => ({
  result,
  status: 'ok' as const,
  time: timing.elapsedMs() / 1000,
});

interface Waiting {
  readonly query: { readonly wait?: 'true' | 'false' | undefined };
}

/** A write that is done. Qdrant answers `completed` to clients that wait for it, and `acknowledged` to others. */
export const updated = ({ query }: Waiting, lsn: number) => ({
  operation_id: lsn,
  status: query.wait === 'true' ? ('completed' as const) : ('acknowledged' as const),
});

/** Where Sluice's own fields stand in Qdrant's requests. */
const FIELDS: readonly { readonly own: FieldPath; readonly theirs: FieldPath }[] = [
  { own: ['positive_ids'], theirs: ['positive'] },
  { own: ['negative_ids'], theirs: ['negative'] },
  { own: ['top_k'], theirs: ['limit'] },
  { own: ['set'], theirs: ['payload'] },
  { own: ['replace'], theirs: ['payload'] },
  { own: ['at'], theirs: ['key'] },
  { own: ['unset'], theirs: ['keys'] },
  { own: ['mmr', 'candidates_limit'], theirs: ['query', 'mmr', 'candidates_limit'] },
];

/** A refusal with the path that its field has in Qdrant's API; `at`: where the part of the request stands that it is about. */
export function inQdrantWords(error: Refusal, at: FieldPath = []) {
  for (const { own, theirs } of FIELDS) {
    const rest = pathBelow(error.path, [...at, ...own]);
    if (rest !== undefined) return err(refusalAt(error, [...at, ...theirs, ...rest]));
  }
  return err(error);
}

/** A refusal of one of several parts of a request, such as `operations[3].upsert`: it names its field from the top. */
export function inPart(error: Refusal, part: FieldPath) {
  // The index is named in the URL, not in the part.
  const field = pathBelow(error.path, ['index']) === undefined ? (error.path ?? []) : [];
  return err(refusalAt(error, [...part, ...field]));
}

/** Refuses a point that is named and is not there. */
export function pointNotFound(id: string, field: string) {
  const name = quotedId(id);
  return err({
    ...refusal('vector_not_found', `there is no point with the id ${name}`, field),
    resource: { kind: 'vector' as const, name },
  });
}
