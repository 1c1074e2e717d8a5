import type { Principal } from '../contract/principal.ts';
import { sha256Hex } from '../kernel/bytes.ts';
import { actorOf } from './tenancy/subject.ts';

/**
 * What a repetition under an `Idempotency-Key` must have in common with the first request: the caller, the operation and all of its
 * arguments (T60). Parsed bodies list their fields in the order of their schema, whatever order they came in.
 */
export const requestDigest = (principal: Principal, operation: string, args: unknown): Promise<string> =>
  sha256Hex(JSON.stringify([actorOf(principal), operation, args]));
