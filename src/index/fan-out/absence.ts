import type { ErrorCode } from '../../contract/errors.ts';

/** Why there is no answer: the shard cannot be reached, has too much to do, or had no time. */
export type Absence = 'unreachable' | 'overloaded' | 'late';

/** Refusals that mean only that there is no answer. */
export const ABSENCES: ReadonlyMap<ErrorCode, Absence> = new Map([
  ['unavailable', 'unreachable'],
  ['overloaded', 'overloaded'],
  ['deadline_exceeded', 'late'],
]);
