import { fields, floats, lengthDelimited, signedIntegers, text } from './protobuf-reader.ts';

/** An attribute of a node that is numbers or a text. */
export interface OnnxAttribute {
  /** The first `NUMBERS_KEPT_MAX` of them: axes, sizes and factors are fewer; a longer list is some table. */
  readonly numbers: readonly number[];
  /** How many there are. */
  readonly count: number;
  readonly text: string;
}

/** Of a list in a graph: one of the sizes that shapes depend on is shorter. */
export const NUMBERS_KEPT_MAX = 256;

// Field numbers of AttributeProto in onnx.proto.
const ATTRIBUTE = { name: 1, float: 2, int: 3, text: 4, floats: 7, ints: 8 };

/** Reads the name of an attribute, and its value if that is numbers or a text. Throws `Corrupt`. */
export function readAttribute(message: Uint8Array<ArrayBuffer>): readonly [name: string, attribute: OnnxAttribute] {
  const kept: number[] = [];
  let [name, value, count] = ['', '', 0];
  const keep = (numbers: Iterable<number>) => {
    for (const number of numbers) {
      count += 1;
      if (kept.length < NUMBERS_KEPT_MAX) kept.push(number);
    }
  };
  for (const field of fields(message)) {
    if (field.number === ATTRIBUTE.name) name = text(field);
    else if (field.number === ATTRIBUTE.text) value = text(field);
    else if (field.number === ATTRIBUTE.int || field.number === ATTRIBUTE.ints) keep(signedIntegers(field, message));
    else if (field.number === ATTRIBUTE.float || field.number === ATTRIBUTE.floats) keep(floats(lengthDelimited(field)));
  }
  return [name, { numbers: kept, count, text: value }];
}
