// The pure globals every runtime Sluice targets has (workerd, Node, browsers). Nothing here reads a clock, a network or a random source.

declare class TextEncoder {
  encode(input?: string): Uint8Array;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBuffer | ArrayBufferView): string;
}

/** Bytes as characters of their codes; throws for what is not base64. */
declare function atob(base64: string): string;

/** The other way; throws for characters beyond a byte. */
declare function btoa(bytes: string): string;

interface CryptoKey {
  readonly __cryptoKey: unique symbol;
}

/** WHATWG's, as `fetch` reads one. */
declare class URL {
  constructor(url: string);
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: string;
  readonly origin: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
}

interface HkdfParams {
  readonly name: 'HKDF';
  readonly hash: 'SHA-256';
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
}

interface AesGcmParams {
  readonly name: 'AES-GCM';
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
}

declare const crypto: {
  readonly subtle: {
    digest(algorithm: 'SHA-256', data: Uint8Array | ArrayBuffer): Promise<ArrayBuffer>;
    importKey(
      format: 'raw',
      data: Uint8Array | ArrayBuffer,
      algorithm: { name: 'HMAC'; hash: 'SHA-256' } | 'HKDF' | 'Ed25519',
      extractable: boolean,
      usages: string[],
    ): Promise<CryptoKey>;
    verify(algorithm: 'Ed25519', key: CryptoKey, signature: Uint8Array, data: Uint8Array | ArrayBuffer): Promise<boolean>;
    sign(algorithm: 'HMAC', key: CryptoKey, data: Uint8Array | ArrayBuffer): Promise<ArrayBuffer>;
    deriveBits(algorithm: HkdfParams, base: CryptoKey, bits: number): Promise<ArrayBuffer>;
    deriveKey(
      algorithm: HkdfParams,
      base: CryptoKey,
      derived: { name: 'AES-GCM'; length: 256 },
      extractable: boolean,
      usages: string[],
    ): Promise<CryptoKey>;
    encrypt(algorithm: AesGcmParams, key: CryptoKey, data: Uint8Array | ArrayBuffer): Promise<ArrayBuffer>;
    decrypt(algorithm: AesGcmParams, key: CryptoKey, data: Uint8Array | ArrayBuffer): Promise<ArrayBuffer>;
  };
};
