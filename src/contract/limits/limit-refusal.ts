import { err } from '../../kernel/result.ts';
import type { Limit } from '../api/errors.ts';
import { refusal } from '../api/errors.ts';
import type { FieldPath } from '../api/field-path.ts';
import type { LimitName } from './all-limits.ts';
import { ALL_LIMITS } from './all-limits.ts';

/** The name of a limit, or what a model or a schema allows. */
export type LimitRef = LimitName | Limit;

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
  const limit: Limit = typeof ref === 'string' ? { name: ref, bound: ALL_LIMITS[ref] } : ref;
  const bound = limit.name === undefined ? String(limit.bound) : `${limit.bound} (${limit.name})`;
  const message = `${what}; the limit is ${bound}${advice === undefined ? '' : `: ${advice}`}`;
  return err({ ...refusal('limit_exceeded', message, path), limit, ...(value === undefined ? {} : { value }) });
}

export const boundOf = (limit: LimitRef): number => (typeof limit === 'string' ? ALL_LIMITS[limit] : limit.bound);
