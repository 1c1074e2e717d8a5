import { refusal } from '../../src/contract/errors.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import { HttpError } from './http-error.ts';

/** The request's `Idempotency-Key`, if it sends one. */
export function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > LIMITS.idempotencyKeyCharsMax) {
    throw new HttpError(
      refusal(
        'invalid_value',
        `must be 1 to ${LIMITS.idempotencyKeyCharsMax} visible ASCII characters, not ${key.length}`,
        'idempotency-key',
      ),
    );
  }
  return key;
}
