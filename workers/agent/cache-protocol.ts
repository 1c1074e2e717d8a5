import * as z from 'zod';

const key = z.string().max(255);

/** What a process asks of a cache in another one; the numbers of `set` come with it, vector after vector. */
export const cacheCall = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('get'), keys: z.array(key) }),
  z.object({
    kind: z.literal('set'),
    entries: z.array(z.object({ key, ttlMs: z.number().nullable(), fence: z.number(), dimensions: z.int().nonnegative() })),
  }),
  z.object({ kind: z.literal('forget'), keys: z.array(key) }),
  z.object({ kind: z.literal('forgetAll') }),
]);

export type CacheCall = z.infer<typeof cacheCall>;

/** Answers come in the order of the calls. To `get`: one for each key, with the numbers separate; `dimensions` null where there is no vector. */
export const cacheReply = z.object({
  done: z.boolean(),
  answers: z.array(z.object({ fence: z.number().nullable(), dimensions: z.int().nonnegative().nullable() })),
});

export type CacheReply = z.infer<typeof cacheReply>;

export function joinVectors(vectors: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const vector of vectors) {
    numbers.set(vector, at);
    at += vector.length;
  }
  return numbers;
}

/** Copies, one after the other. Throws when there are too few numbers. */
export function vectorCutter(numbers: Float32Array<ArrayBuffer>): (dimensions: number) => Float32Array<ArrayBuffer> {
  let at = 0;
  return (dimensions) => {
    if (at + dimensions > numbers.length) throw new Error('a frame with too few numbers');
    at += dimensions;
    return numbers.slice(at - dimensions, at);
  };
}

/** A message over a local socket: JSON, and numbers that JSON would make long. */
export interface Frame {
  readonly header: unknown;
  readonly numbers: Float32Array<ArrayBuffer>;
}

/** The largest frame that is read: far more than a batch of the API. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;
/** The length of the header, then that of the numbers. */
const PREFIX_BYTES = 8;

export function encodeFrame({ header, numbers }: Frame): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(json.length, 0);
  prefix.writeUInt32LE(numbers.byteLength, 4);
  return Buffer.concat([prefix, json, Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength)]);
}

/** Cuts a stream of bytes into frames. Throws when what arrives is none. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  *push(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (let frame; (frame = this.#take()) !== undefined;) yield frame;
  }

  #take(): Frame | undefined {
    if (this.#bytes < PREFIX_BYTES) return undefined;
    const head = this.#joined(PREFIX_BYTES);
    const [headerBytes, numbersBytes] = [head.readUInt32LE(0), head.readUInt32LE(4)];
    const frameBytes = PREFIX_BYTES + headerBytes + numbersBytes;
    if (frameBytes > FRAME_BYTES_MAX || numbersBytes % 4 !== 0) throw new Error('this is not a frame of the cache');
    if (this.#bytes < frameBytes) return undefined;
    const frame = this.#joined(frameBytes);
    const header: unknown = JSON.parse(frame.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headerBytes));
    const numbers = new Float32Array(new Uint8Array(frame.subarray(PREFIX_BYTES + headerBytes, frameBytes)).buffer);
    this.#chunks = [frame.subarray(frameBytes)];
    this.#bytes -= frameBytes;
    return { header, numbers };
  }

  /** One buffer with at least the first `bytes` of what has arrived. */
  #joined(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
