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

/** A write that is done. Qdrant answers `completed` to clients that wait for it, and `acknowledged` to others. */
export const updated = ({ query }: Waiting, lsn: number) => ({
  operation_id: lsn,
  status: query.wait === 'true' ? ('completed' as const) : ('acknowledged' as const),
});

/** Where Sluice's own fields stand in Qdrant's requests. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['positive_ids', 'positive'],
  ['negative_ids', 'negative'],
  ['top_k', 'limit'],
  ['mmr.candidates_limit', 'query.mmr.candidates_limit'],
]);

/** A refusal with the name that its field has in Qdrant's API. The message begins with the field, if there is one. */
export function inQdrantWords(error: Refusal) {
  const { param, message } = error;
  const [field = '', ...places] = param?.split(/(?=\[)/) ?? [];
  const name = FIELDS.get(field);
  if (param === undefined || name === undefined) return err(error);
  const renamed = [name, ...places].join('');
  return err({ ...error, param: renamed, message: message.startsWith(param) ? renamed + message.slice(param.length) : message });
}

/** A refusal of one of several parts of a request, such as `operations[3].upsert`: it names its field from the top. */
export function inPart(error: Refusal, part: string) {
  const isField = error.param !== undefined && error.param !== 'index';
  const param = isField ? `${part}.${error.param}` : part;
  return err({ ...error, param, message: `${part}: ${error.message}` });
}
