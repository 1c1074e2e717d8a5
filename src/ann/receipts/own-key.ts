/**
 * The prefix of the key that a gateway gives to a request that came without one, so that its own retries are recognised (RT41). No caller's
 * key has a space.
 */
const OWN = ' ';

/** `unique` is in no other request's. */
export const ownKey = (unique: string): string => `${OWN}${unique}`;

export const isOwnKey = (key: string): boolean => key.startsWith(OWN);

/** Whether a write is one that its caller may repeat, under the same key. */
export const hasCallersKey = <R extends { readonly idempotencyKey: string }>(repetition: R | null): repetition is R =>
  repetition !== null && !isOwnKey(repetition.idempotencyKey);
