import { AssertionError } from './assert.ts';

/** Closes a `switch` over a union: an unhandled case does not compile. */
export function unreachable(value: never): never {
  throw new AssertionError(`unhandled case ${JSON.stringify(value)}`);
}
