import { constantTimeEqual } from './hmac.ts';
import type { Hmac } from './hmac.ts';
import { base32 } from './ids.ts';

/** Characters of a signature, 5 bits each: of 10 ** 12 invented ids one is right. */
export const SIGNATURE_CHARS = 8;

/** What an id is of: the signature of one is none of the other. */
type SignedKind = 'organisation' | 'pool';

/**
 * Ids that show by themselves whether this deployment made them: their last characters are a MAC of the others under the pepper. So an
 * invented id is refused without asking, or creating, the object it names.
 */
export class IdSigner {
  readonly #hmac: Hmac;

  constructor(hmac: Hmac) {
    this.#hmac = hmac;
  }

  async sign(kind: SignedKind, text: string): Promise<string> {
    return text + (await this.#signature(kind, text));
  }

  async isOurs(kind: SignedKind, signed: string): Promise<boolean> {
    const text = signed.slice(0, -SIGNATURE_CHARS);
    return constantTimeEqual(signed.slice(-SIGNATURE_CHARS), await this.#signature(kind, text));
  }

  async #signature(kind: SignedKind, text: string): Promise<string> {
    return base32((await this.#hmac.bytes(JSON.stringify(['id', kind, text]))).subarray(0, SIGNATURE_CHARS));
  }
}
