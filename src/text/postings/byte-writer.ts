const FIRST_BYTES = 1_024;

/** Bytes that grow, for values of varying length. Whole numbers are written as LEB128: seven bits a byte, the lowest first. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written; a copy. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  float32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  bytes(more: Uint8Array): void {
    this.#reserve(more.length);
    this.#bytes.set(more, this.#length);
    this.#length += more.length;
  }

  /** The first `count` of the values, `width` bits each, the lowest first, up to a whole byte; a width is at most 25. */
  packed(values: ArrayLike<number>, count: number, width: number): void {
    const bytes = Math.ceil((count * width) / 8);
    this.#reserve(bytes + 4);
    this.#bytes.fill(0, this.#length, this.#length + bytes + 4);
    const view = new DataView(this.#bytes.buffer, this.#length);
    for (let i = 0, bit = 0; i < count; i += 1, bit += width) {
      const at = bit >>> 3;
      view.setUint32(at, view.getUint32(at, true) | (values[i]! << (bit & 7)), true);
    }
    this.#length += bytes;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads what a `ByteWriter` wrote, from `at` on. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let unit = 0x80; ; unit *= 0x80) {
      byte = bytes[this.at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }

  byte(): number {
    return this.bytes[this.at++]!;
  }

  float32(): number {
    this.at += 4;
    return new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat32(this.at - 4, true);
  }
}

/** Ascending whole numbers, each as its distance from the one before. */
export function writeAscending(writer: ByteWriter, values: ArrayLike<number>): void {
  let before = 0;
  for (let i = 0; i < values.length; i += 1) {
    writer.varint(values[i]! - before);
    before = values[i]!;
  }
}
