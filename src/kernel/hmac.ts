import { toHex, utf8 } from './bytes.ts';

// The platforms name this type differently.
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** HMAC-SHA-256 under one secret; the key is imported once. */
export class Hmac {
  readonly #secret: string;
  #key: HmacKey | undefined;

  constructor(secret: string) {
    this.#secret = secret;
  }

  async bytes(message: string): Promise<Uint8Array> {
    this.#key ??= await crypto.subtle.importKey('raw', utf8(this.#secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', this.#key, utf8(message)));
  }

  /** 64 lower-case hex digits. */
  async hex(message: string): Promise<string> {
    return toHex(await this.bytes(message));
  }
}

/** Whether two digests are the same text, in time that depends on their length alone. */
export function constantTimeEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let position = 0; position < a.length; position++) difference |= a.charCodeAt(position) ^ b.charCodeAt(position % b.length);
  return difference === 0;
}
