/**
 * Vectors on the wire as bytes, media type `application/vnd.sluice.f32`. A frame describes itself, all numbers are little-endian:
 *
 *     0  4 bytes   `SLF1`: the format and its version
 *     4  uint32    bytes of the head, a multiple of 4 (its JSON is padded with spaces)
 *     8  uint32    rows
 *    12  uint32    dimensions, the numbers of a row
 *    16  head      JSON: what the same message has as JSON, but that each of its vectors is the number of its row, from 0
 *        values    float32, row by row, to the end of the frame
 *
 * A stream is frames one after another: the first 16 bytes of each state how long it is.
 */
export const VECTOR_FRAME_TYPE = 'application/vnd.sluice.f32';

export const FRAME_PREFIX_BYTES = 16;

/** `SLF1`, read as a number. */
const MAGIC = 0x31_46_4c_53;

export interface FramePrefix {
  readonly headBytes: number;
  readonly rows: number;
  readonly dimensions: number;
  /** Of the whole frame. */
  readonly bytes: number;
}

export interface VectorFrame extends FramePrefix {
  /** UTF-8 text of JSON. */
  readonly head: Uint8Array;
  /** Row by row; a view of the frame's bytes where they are aligned. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** What is wrong with bytes that are no frame, as the end of a sentence about them. */
export type FrameFault = string;

/** How long a frame is, from its first bytes. */
export function framePrefixOf(bytes: Uint8Array): FramePrefix | FrameFault {
  if (bytes.byteLength < FRAME_PREFIX_BYTES) return `has ${bytes.byteLength} bytes; a frame has at least ${FRAME_PREFIX_BYTES}`;
  const words = new DataView(bytes.buffer, bytes.byteOffset, FRAME_PREFIX_BYTES);
  if (words.getUint32(0, true) !== MAGIC) return 'does not begin with `SLF1`, as a frame of this version does';
  const [headBytes, rows, dimensions] = [words.getUint32(4, true), words.getUint32(8, true), words.getUint32(12, true)];
  if (headBytes % 4 !== 0) return `states a head of ${headBytes} bytes, which is not a multiple of 4`;
  if ((rows === 0) !== (dimensions === 0)) return `states ${rows} rows of ${dimensions} numbers`;
  return { headBytes, rows, dimensions, bytes: FRAME_PREFIX_BYTES + headBytes + 4 * rows * dimensions };
}

/** The parts of one frame, which the bytes are, no more and no less. */
export function readFrame(bytes: Uint8Array<ArrayBuffer>): VectorFrame | FrameFault {
  const prefix = framePrefixOf(bytes);
  if (typeof prefix === 'string') return prefix;
  if (prefix.bytes !== bytes.byteLength) {
    const { headBytes, rows, dimensions } = prefix;
    return `has ${bytes.byteLength} bytes; its head of ${headBytes} and ${rows} rows of ${dimensions} numbers make ${prefix.bytes}`;
  }
  const valuesAt = FRAME_PREFIX_BYTES + prefix.headBytes;
  const start = bytes.byteOffset + valuesAt;
  const count = prefix.rows * prefix.dimensions;
  const values = start % 4 === 0 ? new Float32Array(bytes.buffer, start, count) : new Float32Array(bytes.slice(valuesAt).buffer);
  return { ...prefix, head: bytes.subarray(FRAME_PREFIX_BYTES, valuesAt), values };
}

/** `values` has a whole number of rows. */
export function writeFrame(head: unknown, values: Float32Array, dimensions: number): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const headBytes = Math.ceil(json.byteLength / 4) * 4;
  const frame = new Uint8Array(FRAME_PREFIX_BYTES + headBytes + values.byteLength);
  const words = new DataView(frame.buffer);
  words.setUint32(0, MAGIC, true);
  words.setUint32(4, headBytes, true);
  words.setUint32(8, dimensions === 0 ? 0 : values.length / dimensions, true);
  words.setUint32(12, dimensions, true);
  frame.set(json, FRAME_PREFIX_BYTES);
  frame.fill(0x20, FRAME_PREFIX_BYTES + json.byteLength, FRAME_PREFIX_BYTES + headBytes);
  frame.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), FRAME_PREFIX_BYTES + headBytes);
  return frame;
}
