import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import { ByteSource } from './byte-source.ts';
import {
  delimited,
  GRAPH_INITIALISER,
  MODEL_GRAPH,
  OWN_FILE,
  ownPlace,
  TENSOR_EXTERNAL,
  TENSOR_LOCATION,
  TENSOR_RAW,
} from './detach-weights.ts';
import { Corrupt, decoded } from './protobuf-reader.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Ends the reading of a file whose graph is mostly no bytes of large constants. */
export class TooMuchLeft extends Error {}

/**
 * An ONNX file without its large constants, each of which says where in the file it lies, as in `detachWeights`; made from pieces, so that the file is never
 * in memory as a whole. `bytes`: how long the file is. Throws `Corrupt`, and `TooMuchLeft` where what is left is too much. [M146]
 */
export async function detachPieces(pieces: AsyncIterable<Bytes>, bytes: number): Promise<Bytes> {
  return new PieceDetacher(new ByteSource(pieces)).changed(bytes, { number: MODEL_GRAPH, change: (of, length) => of.graph(length) });
}

interface Change {
  readonly number: number;
  readonly change: (detacher: PieceDetacher, bytes: number) => Promise<Bytes>;
}

class PieceDetacher {
  readonly #source: ByteSource;
  #kept = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  graph(bytes: number): Promise<Bytes> {
    return this.changed(bytes, { number: GRAPH_INITIALISER, change: (of, length) => of.#tensor(length) });
  }

  /** A message with the fields of one number changed, which are messages, too. */
  async changed(bytes: number, { number, change }: Change): Promise<Bytes> {
    const out: Bytes[] = [];
    for (const end = this.#source.offset + bytes; this.#source.offset < end;) {
      const field = await this.#field();
      if (field.length !== undefined && field.number === number) out.push(...delimited(number, await change(this, field.length)));
      else out.push(...field.head, await this.#keep(field.length ?? field.fixed));
      this.#checkEnd(end);
    }
    return joinedBytes(out);
  }

  async #tensor(bytes: number): Promise<Bytes> {
    const out: Bytes[] = [];
    const external: Bytes[] = [];
    let place: { readonly offset: number; readonly length: number } | undefined;
    for (const end = this.#source.offset + bytes; this.#source.offset < end;) {
      const { head, number, length, fixed } = await this.#field();
      if (number === TENSOR_RAW && length !== undefined && length >= LARGE_BYTES_MIN) {
        place = { offset: this.#source.offset, length };
        await this.#source.skip(length);
      } else {
        const isElsewhere = number === TENSOR_EXTERNAL || number === TENSOR_LOCATION;
        (isElsewhere ? external : out).push(...head, await this.#keep(length ?? fixed));
      }
      this.#checkEnd(end);
    }
    // No file says of itself what is said of it here.
    if (external.some((field) => decoded(field).includes(OWN_FILE))) throw new Corrupt(`a file named ${OWN_FILE}`, this.#source.offset);
    return joinedBytes([...out, ...(place === undefined ? external : ownPlace(place))]);
  }

  /** What a field begins with, and how many bytes follow: of a message or text `length`, else `fixed`. */
  async #field(): Promise<{
    readonly head: Bytes[];
    readonly number: number;
    readonly length: number | undefined;
    readonly fixed: number;
  }> {
    const key = await this.#source.varint();
    const number = Math.floor(key.value / 8);
    const wireType = key.value % 8;
    if (number === 0) throw new Corrupt('field number 0', this.#source.offset);
    if (wireType === WIRE_LENGTH) {
      const length = await this.#source.varint();
      return { head: [key.bytes, length.bytes], number, length: length.value, fixed: 0 };
    }
    const fixed = FIXED_BYTES.get(wireType);
    if (fixed === undefined) throw new Corrupt(`wire type ${wireType}`, this.#source.offset);
    const head = fixed === 0 ? [key.bytes, (await this.#source.varint()).bytes] : [key.bytes];
    return { head, number, length: undefined, fixed };
  }

  async #keep(bytes: number): Promise<Bytes> {
    this.#kept += bytes;
    if (this.#kept > MODEL_LIMITS.detachedGraphBytesMax) throw new TooMuchLeft();
    return this.#source.take(bytes);
  }

  #checkEnd(end: number): void {
    if (this.#source.offset > end) throw new Corrupt('a field beyond its message', this.#source.offset);
  }
}

/** Smaller constants stay: scales, and the places of tokens, by which graphs are told apart. */
const LARGE_BYTES_MIN = 128 * 1024;

const WIRE_LENGTH = 2;
/** By wire type: a varint, 64 bits, 32 bits. */
const FIXED_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 8],
  [5, 4],
]);
