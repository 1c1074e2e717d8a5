import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import { fromBase64 } from '../../kernel/bytes.ts';

/** The row of one text as a replica answers it, in the form of `EmbeddedTexts`. Undefined: it is no such vector. */
export function readRow(embedding: unknown, output: EmbeddingOutput, dimensions: number): Float32Array<ArrayBuffer> | undefined {
  if (output === 'dense') return readVector(embedding, dimensions);
  return output === 'sparse' ? readSparse(embedding, dimensions) : readTokens(embedding, dimensions);
}

function readVector(embedding: unknown, dimensions: number): Float32Array<ArrayBuffer> | undefined {
  const bytes = typeof embedding === 'string' ? fromBase64(embedding) : undefined;
  return bytes?.length === dimensions * 4 ? new Float32Array(bytes.slice().buffer) : undefined;
}

/** Indices that rise and are below the size of the vocabulary, and a number for each. */
function readSparse(embedding: unknown, dimensions: number): Float32Array<ArrayBuffer> | undefined {
  const { indices, values } = (embedding ?? {}) as { indices?: unknown; values?: unknown };
  if (!Array.isArray(indices) || !Array.isArray(values) || indices.length !== values.length) return undefined;
  let before = -1;
  for (const [i, index] of (indices as unknown[]).entries()) {
    if (!Number.isSafeInteger(index) || Number(index) <= before || Number(index) >= dimensions || typeof values[i] !== 'number')
      return undefined;
    before = Number(index);
  }
  return Float32Array.from([...indices, ...values] as number[]);
}

function readTokens(embedding: unknown, dimensions: number): Float32Array<ArrayBuffer> | undefined {
  if (!Array.isArray(embedding) || embedding.length === 0) return undefined;
  const row = new Float32Array(embedding.length * dimensions);
  for (const [token, one] of (embedding as unknown[]).entries()) {
    const vector = readVector(one, dimensions);
    if (vector === undefined) return undefined;
    row.set(vector, token * dimensions);
  }
  return row;
}
