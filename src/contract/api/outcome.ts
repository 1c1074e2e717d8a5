import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { ErrorCode, Limit, Refusal, Resource } from './errors.ts';
import { refusal } from './errors.ts';
import type { FieldPath } from './field-path.ts';
import { LIMITS } from '../limits.ts';

/** What a use case or a Durable Object answers: a value, or a refusal from the error catalogue. */
export type Outcome<T> = Result<T, Refusal>;

/** `at`: the path of the field at fault, or the name of one at the top of the request. */
export const refuse = (code: ErrorCode, message: string, at?: FieldPath | string) => err(refusal(code, message, at));

/** Refuses for what a resource is, or that there is none: the refusal has its kind and name as data. [G54] */
export const refuseResource = (code: ErrorCode, resource: Resource, message: string, at?: FieldPath | string) =>
  err({ ...refusal(code, message, at), resource });

/** One of `LIMITS`, or what a model or a schema allows. */
export type LimitRef = keyof typeof LIMITS | Limit;

/** What was asked for, and the limit that it exceeds. */
interface Excess {
  readonly path?: FieldPath | string;
  readonly limit: LimitRef;
  /** Absent where it is known only to be more than the limit. */
  readonly value?: number;
  /** The value in words, such as `has 9000 characters`. */
  readonly what: string;
  /** What to do instead. */
  readonly advice?: string;
}

/** Refuses with `limit_exceeded` a value that is beyond a limit, naming both. [G54] */
export function refuseBeyond({ path, limit: ref, value, what, advice }: Excess) {
  const limit: Limit = typeof ref === 'string' ? { name: ref, bound: LIMITS[ref] } : ref;
  const bound = limit.name === undefined ? String(limit.bound) : `${limit.bound} (${limit.name})`;
  const message = `${what}; the limit is ${bound}${advice === undefined ? '' : `: ${advice}`}`;
  return err({ ...refusal('limit_exceeded', message, path), limit, ...(value === undefined ? {} : { value }) });
}

export const boundOf = (limit: LimitRef): number => (typeof limit === 'string' ? LIMITS[limit] : limit.bound);

/** What all of them answer, or the first refusal: calls that were begun are waited for in any case. */
export async function allOf<T>(calls: readonly Promise<Outcome<T>>[]): Promise<Outcome<T[]>> {
  const values: T[] = [];
  for (const outcome of await Promise.all(calls)) {
    if (!outcome.ok) return outcome;
    values.push(outcome.value);
  }
  return ok(values);
}
