// The few functions of Node that the gateway uses; all of Node's types would bring its globals along, most of which workerd lacks.

declare module 'node:crypto' {
  export function hash(algorithm: 'sha256', data: string | Uint8Array, encoding: 'hex'): string;
  export function createHash(algorithm: 'md5'): { update(data: Uint8Array): void; digest(encoding: 'hex'): string };
}

declare module 'node:buffer' {
  export const Buffer: {
    from(buffer: ArrayBuffer, byteOffset: number, byteLength: number): { toString(encoding: 'base64'): string };
  };
}

declare module 'node:zlib' {
  export interface Inflater extends AsyncIterable<Uint8Array> {
    destroy(): void;
  }
  export function createGunzip(): Inflater;
  export function createInflate(): Inflater;
}

declare module 'node:stream' {
  export function pipeline(source: () => AsyncIterable<Uint8Array>, target: object, done: (error?: unknown) => void): void;
}
