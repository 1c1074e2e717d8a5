import type { Result } from '../kernel/result.ts';
import { err } from '../kernel/result.ts';
import type { ErrorCode, Refusal } from './errors.ts';
import { refusal } from './errors.ts';
import type { FieldPath } from './field-path.ts';
import { LIMITS } from './limits.ts';

/** What a use case or a Durable Object answers: a value, or a refusal from the error catalogue. */
export type Outcome<T> = Result<T, Refusal>;

/** `at`: the path of the field at fault, or the name of one at the top of the request. */
export const refuse = (code: ErrorCode, message: string, at?: FieldPath | string) => err(refusal(code, message, at));

/** What was asked for, and the limit that it exceeds. */
interface Excess {
  readonly path?: FieldPath | string;
  readonly limit: keyof typeof LIMITS;
  readonly value: number;
  /** The value in words, such as `has 9000 characters`. */
  readonly what: string;
  /** What to do instead. */
  readonly advice?: string;
}

/** Refuses with `limit_exceeded` a value that is beyond a limit, naming both. */
export function refuseBeyond({ path, limit, value, what, advice }: Excess) {
  const bound: number = LIMITS[limit];
  const message = `${what}; the limit is ${bound} (${limit})${advice === undefined ? '' : `: ${advice}`}`;
  return err({ ...refusal('limit_exceeded', message, path), limit: { name: limit, bound }, value });
}
