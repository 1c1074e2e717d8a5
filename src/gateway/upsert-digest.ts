import type { NewVector } from '../contract/vectors.ts';
import { sha256Hex, utf8 } from '../kernel/bytes.ts';

interface NewVectors {
  readonly vectors: readonly NewVector[];
  readonly model?: string | undefined;
}

/** SHA-256, in hex, of what an upsert asks for: equal for equal requests, whatever the order of keys in their JSON. */
export function upsertDigest({ vectors, model }: NewVectors): Promise<string> {
  const rest = vectors.map(({ id, namespace, values, text, metadata }) => [
    id,
    namespace,
    values?.length ?? null,
    text ?? null,
    metadata ?? null,
  ]);
  const parts = [
    utf8(JSON.stringify([model ?? null, rest])),
    ...vectors.flatMap(({ values }) => (values === undefined ? [] : [bytesOf(values)])),
  ];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return sha256Hex(bytes);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
