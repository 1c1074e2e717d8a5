import { Corrupt } from './protobuf-reader.ts';

/** Reads bytes that come in pieces, one behind the other, and forgets them. */
export class ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array<ArrayBuffer>>;
  #piece = new Uint8Array();
  #at = 0;
  /** How many bytes have been read or left out. */
  offset = 0;

  constructor(pieces: AsyncIterable<Uint8Array<ArrayBuffer>>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Throws `Corrupt` where fewer are left. */
  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const taken = new Uint8Array(count);
    await this.#walk(count, (piece, at) => taken.set(piece, at));
    return taken;
  }

  async skip(count: number): Promise<void> {
    await this.#walk(count, () => undefined);
  }

  /** With its bytes as they are. Values past 2^53 lose their low bits. */
  async varint(): Promise<{ readonly value: number; readonly bytes: Uint8Array<ArrayBuffer> }> {
    const bytes: number[] = [];
    let [value, unit] = [0, 1];
    for (;;) {
      const [byte = 0] = await this.take(1);
      bytes.push(byte);
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return { value, bytes: Uint8Array.from(bytes) };
      if (bytes.length === VARINT_BYTES_MAX) throw new Corrupt('varint longer than 10 bytes', this.offset);
      unit *= 128;
    }
  }

  async #walk(count: number, visit: (piece: Uint8Array<ArrayBuffer>, at: number) => void): Promise<void> {
    for (let done = 0; done < count;) {
      if (this.#at === this.#piece.length) {
        const next = await this.#pieces.next();
        if (next.done === true) throw new Corrupt(`${count - done} bytes promised, none left`, this.offset);
        this.#piece = next.value;
        this.#at = 0;
        continue;
      }
      const some = this.#piece.subarray(this.#at, this.#at + count - done);
      visit(some, done);
      this.#at += some.length;
      this.offset += some.length;
      done += some.length;
    }
  }
}

const VARINT_BYTES_MAX = 10;
