/** Unwinds the nested readers of a protobuf message; their callers turn it into a typed error. */
export class Corrupt extends Error {
  /** Byte of the whole buffer at which the message stopped making sense. */
  readonly offset: number;
  constructor(reason: string, offset: number) {
    super(reason);
    this.offset = offset;
  }
}

/** One field of a protobuf message: a number for the scalar wire types, a view for the length-delimited one. */
export interface Field {
  readonly number: number;
  readonly value: number | Uint8Array<ArrayBuffer>;
  /** Bytes of the whole buffer at which it begins, and behind which it ends. */
  readonly offset: number;
  readonly end: number;
}

const WIRE_VARINT = 0;
const WIRE_64_BIT = 1;
const WIRE_LENGTH = 2;
const WIRE_32_BIT = 5;

/** The fields of a message, one by one. Throws `Corrupt`. */
export function* fields(message: Uint8Array<ArrayBuffer>): Generator<Field> {
  const cursor = new Cursor(message);
  while (!cursor.atEnd) {
    const offset = cursor.offset;
    const key = cursor.varint();
    const number = Math.floor(key / 8);
    if (number === 0) throw new Corrupt('field number 0', offset);
    const value = cursor.payload(key % 8);
    yield { number, value, offset, end: cursor.offset };
  }
}

class Cursor {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Offset in the whole buffer, whichever nested message this cursor reads. */
  get offset(): number {
    return this.#bytes.byteOffset + this.#at;
  }

  payload(wireType: number): number | Uint8Array<ArrayBuffer> {
    switch (wireType) {
      case WIRE_VARINT:
        return this.varint();
      case WIRE_LENGTH:
        return this.#take(this.varint());
      case WIRE_64_BIT:
        return this.#take(8);
      case WIRE_32_BIT:
        return this.#take(4);
      default:
        throw new Corrupt(`wire type ${wireType}`, this.offset);
    }
  }

  /** Values past 2^53 lose their low bits: no size, type or dimension this reader uses is that large. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (let length = 0; length < 10; length++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Corrupt('truncated varint', this.offset);
      this.#at++;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    throw new Corrupt('varint longer than 10 bytes', this.offset);
  }

  /** As `int64`, which is written without a sign. */
  signedVarint(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Corrupt('truncated varint', this.offset);
      this.#at++;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw new Corrupt('varint longer than 10 bytes', this.offset);
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#bytes.length - this.#at) throw new Corrupt(`${length} bytes promised, fewer left`, this.offset);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

export function lengthDelimited(field: Field): Uint8Array<ArrayBuffer> {
  if (typeof field.value === 'number') throw new Corrupt(`field ${field.number} is not length-delimited`, field.offset);
  return field.value;
}

export function scalar(field: Field): number {
  if (typeof field.value !== 'number') throw new Corrupt(`field ${field.number} is not a number`, field.offset);
  return field.value;
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

export const decoded = (bytes: Uint8Array): string => decoder.decode(bytes);

export const text = (field: Field): string => decoded(lengthDelimited(field));

/** `repeated int64` arrives one by one or packed; both are legal in protobuf. */
export function* integers(field: Field): Generator<number> {
  if (typeof field.value === 'number') {
    yield field.value;
    return;
  }
  const cursor = new Cursor(field.value);
  while (!cursor.atEnd) yield cursor.varint();
}

/** The same with their signs, of a field of `message`: past 2^53, where all negative ones are, `value` has lost their low bits. */
export function* signedIntegers(field: Field, message: Uint8Array<ArrayBuffer>): Generator<number> {
  const isAlone = typeof field.value === 'number';
  const cursor = new Cursor(isAlone ? message.subarray(field.offset - message.byteOffset, field.end - message.byteOffset) : field.value);
  if (isAlone) cursor.varint();
  while (!cursor.atEnd) yield cursor.signedVarint();
}

/** Floats of 32 bits, as they lie in a file. */
export function* floats(bytes: Uint8Array<ArrayBuffer>): Generator<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length; at += 4) yield view.getFloat32(at, true);
}
