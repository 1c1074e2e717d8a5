import type { Refusal } from '../../../../src/contract/errors.ts';
import { err } from '../../../../src/kernel/result.ts';
import type { Timing } from '../../timing.ts';

/** What Qdrant wraps every result in. */
export const enveloped = <T>({ timing }: { readonly timing: Timing }, result: T) => ({
  result,
  status: 'ok' as const,
  time: timing.elapsedMs() / 1000,
});

interface Waiting {
  readonly query: { readonly wait?: 'true' | 'false' | undefined };
}

/** A write that is done. Qdrant says so to those that wait for it; others hear that it is acknowledged. */
export const updated = ({ query }: Waiting, lsn: number) => ({
  operation_id: lsn,
  status: query.wait === 'true' ? ('completed' as const) : ('acknowledged' as const),
});

const FIELDS: readonly (readonly [RegExp, string])[] = [
  [/\bpositive_ids\b/g, 'positive'],
  [/\bnegative_ids\b/g, 'negative'],
  [/\btop_k\b/g, 'limit'],
  [/\bmmr\.candidates_limit\b/g, 'query.mmr.candidates_limit'],
];

const renamed = (text: string): string => FIELDS.reduce((words, [field, name]) => words.replaceAll(field, name), text);

/** A refusal with the names that the fields have in Qdrant's API. */
export function inQdrantWords(error: Refusal) {
  return err({ ...error, message: renamed(error.message), ...(error.param === undefined ? {} : { param: renamed(error.param) }) });
}
