import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import type { RawJson } from '../../../src/kernel/exact-json.ts';
import { float32Json } from '../../../src/kernel/float32-text.ts';
import { VECTOR_FRAME_TYPE, writeFrame } from '../../../src/kernel/vector-frame.ts';

/** How the vectors of an answer are written: as numbers of JSON, or as rows of a frame, which JSON names by their numbers. */
export interface VectorWriter {
  write(values: Float32Array): RawJson | number;
}

export const JSON_VECTORS: VectorWriter = { write: float32Json };

/** The rows of an answer that is a frame. */
export class FrameRows implements VectorWriter {
  readonly #rows: Float32Array[] = [];

  write(values: Float32Array): number {
    return this.#rows.push(values) - 1;
  }

  /** The answer whose vectors these are. */
  frame(reply: unknown): Uint8Array<ArrayBuffer> {
    const dimensions = this.#rows[0]?.length ?? 0;
    const values = new Float32Array(this.#rows.length * dimensions);
    for (const [row, of] of this.#rows.entries()) values.set(of, row * dimensions);
    return writeFrame(reply, values, dimensions);
  }
}

/** Rows, where the caller accepts a frame and the endpoint has one to offer. */
export function vectorWriterFor({ headers }: Request, { reply }: Endpoint): VectorWriter {
  const isOffered = reply.kind === 'json' && reply.hasRows === true;
  return isOffered && headers.get('accept')?.toLowerCase().includes(VECTOR_FRAME_TYPE) === true ? new FrameRows() : JSON_VECTORS;
}
