import { fromBase64Url, toBase64Url, toHex, utf8 } from '../kernel/bytes.ts';
import type { Rng } from '../kernel/rng.ts';

/** What a secret belongs to: it opens for nothing else. */
export interface SecretOwner {
  /** Of the upstream. */
  readonly owner: string;
  readonly upstream: string;
  /** Where it is sent to: the scheme, host and port of the base URL. */
  readonly origin: string;
}

type AesKey = Awaited<ReturnType<typeof crypto.subtle.deriveKey>>;

interface Derived {
  /** Names the key in what it has sealed, and reveals nothing of it. */
  readonly id: string;
  readonly key: AesKey;
}

const NONCE_BYTES = 12;
const VERSION = 'v1';

/**
 * Seals secrets of upstreams by AES-GCM, under a key that is derived (HKDF-SHA-256) from a secret of the deployment. The first of those seals; all
 * of them open, so that one can replace another. [U4]
 */
export class SecretBox {
  readonly #masters: readonly string[];
  readonly #rng: Rng;
  readonly #derived = new Map<string, Derived>();

  constructor(masters: readonly string[], rng: Rng) {
    this.#masters = masters;
    this.#rng = rng;
  }

  async seal(text: string, of: SecretOwner): Promise<string> {
    const { id, key } = await this.#derive(this.#masters[0] ?? '');
    const nonce = this.#rng.bytes(NONCE_BYTES);
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: boundTo(of) }, key, utf8(text));
    return [VERSION, id, toBase64Url(nonce), toBase64Url(new Uint8Array(sealed))].join('.');
  }

  /** Undefined: it was sealed under another key, for another upstream, or was changed. */
  async open(sealed: string, of: SecretOwner): Promise<string | undefined> {
    const [version, id, nonce, cipher] = sealed.split('.');
    const [iv, bytes] = [fromBase64Url(nonce ?? ''), fromBase64Url(cipher ?? '')];
    if (version !== VERSION || iv === undefined || bytes === undefined) return undefined;
    for (const master of this.#masters) {
      const derived = await this.#derive(master);
      if (derived.id !== id) continue;
      try {
        const text = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: boundTo(of) }, derived.key, bytes);
        return new TextDecoder().decode(text);
      } catch {
        return undefined;
      }
    }
    return undefined;
  }

  /** Whether it was sealed by the key that seals now. */
  async isCurrent(sealed: string): Promise<boolean> {
    return sealed.split('.')[1] === (await this.#derive(this.#masters[0] ?? '')).id;
  }

  async #derive(master: string): Promise<Derived> {
    const known = this.#derived.get(master);
    if (known !== undefined) return known;
    const base = await crypto.subtle.importKey('raw', utf8(master), 'HKDF', false, ['deriveKey', 'deriveBits']);
    const id = toHex(new Uint8Array(await crypto.subtle.deriveBits(info('id of the key of upstream secrets'), base, 32)));
    const aes = { name: 'AES-GCM', length: 256 } as const;
    const key = await crypto.subtle.deriveKey(info('key of upstream secrets'), base, aes, false, ['encrypt', 'decrypt']);
    const derived = { id, key };
    this.#derived.set(master, derived);
    return derived;
  }
}

const info = (what: string) => ({ name: 'HKDF', hash: 'SHA-256', salt: utf8('sluice'), info: utf8(what) }) as const;

/** No part contains a line break, so that two owners never have the same bytes. */
const boundTo = ({ owner, upstream, origin }: SecretOwner): Uint8Array => utf8([owner, upstream, origin].join('\n'));
