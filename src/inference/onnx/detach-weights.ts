import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { GraphFiles } from '../graph-runner.ts';
import { fields, lengthDelimited } from './protobuf-reader.ts';

/** Smaller constants stay in the graph: the runtime reads shapes and axes from there. */
const DETACHED_BYTES_MIN = 4_096;

/** No name of a file: those of graphs have no colon (`externalPath`). */
export const OWN_FILE = 'sluice:graph';

// Field numbers and wire types of onnx.proto.
export const MODEL_GRAPH = 7;
export const GRAPH_INITIALISER = 5;
export const TENSOR_RAW = 9;
export const TENSOR_EXTERNAL = 13;
export const TENSOR_LOCATION = 14;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const IN_ANOTHER_FILE = 1;

/**
 * The same graph with its large constants outside: a runtime that parses them as part of the graph holds them three times (measured: 20 MB
 * of weights take 74 MB of its memory inside the graph, and 34 MB outside). They are not copied: the file itself serves as the one outside.
 *
 * The file was read by `readOnnxGraph`. [M54]
 */
export function detachWeights({ graph: file, external }: GraphFiles): GraphFiles {
  const graph = rewritten(file, MODEL_GRAPH, (body) => rewritten(body, GRAPH_INITIALISER, (tensor) => detached(tensor, file)));
  return { graph: new Uint8Array(graph), external: new Map([...external, [OWN_FILE, file]]) };
}

/** A message with the fields of one number changed. */
function rewritten(message: Bytes, number: number, change: (value: Bytes) => Bytes): Bytes {
  const pieces: Bytes[] = [];
  for (const field of fields(message)) {
    if (field.number !== number) pieces.push(bytesBetween(message, field.offset, field.end));
    else pieces.push(...delimited(number, change(lengthDelimited(field))));
  }
  return joinedBytes(pieces);
}

function detached(tensor: Bytes, file: Bytes): Bytes {
  const kept: Bytes[] = [];
  let raw: Bytes | undefined;
  for (const field of fields(tensor)) {
    if (field.number === TENSOR_RAW) raw = lengthDelimited(field);
    else if (field.number !== TENSOR_EXTERNAL && field.number !== TENSOR_LOCATION) kept.push(bytesBetween(tensor, field.offset, field.end));
  }
  if (raw === undefined || raw.length < DETACHED_BYTES_MIN) return tensor;
  return joinedBytes([...kept, ...ownPlace({ offset: raw.byteOffset - file.byteOffset, length: raw.length })]);
}

/** The fields of a constant that say where in the file itself its bytes are. */
export function ownPlace({ offset, length }: { readonly offset: number; readonly length: number }): Bytes[] {
  const place = { location: OWN_FILE, offset, length };
  const entries = Object.entries(place).flatMap(([key, value]) => delimited(TENSOR_EXTERNAL, entry(key, String(value))));
  return [...entries, varint(TENSOR_LOCATION * 8), varint(IN_ANOTHER_FILE)];
}

type Bytes = Uint8Array<ArrayBuffer>;

const bytesBetween = (message: Bytes, start: number, end: number): Bytes =>
  message.subarray(start - message.byteOffset, end - message.byteOffset);

const entry = (key: string, value: string): Bytes =>
  joinedBytes([...delimited(ENTRY_KEY, new Uint8Array(utf8(key))), ...delimited(ENTRY_VALUE, new Uint8Array(utf8(value)))]);

/** A field that is a message or a text. */
export const delimited = (number: number, value: Bytes): Bytes[] => [varint(number * 8 + 2), varint(value.length), value];

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
