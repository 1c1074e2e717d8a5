import { utf8Text } from '../../contract/api/json-text.ts';
import { sha256Hex, utf8 } from '../../kernel/bytes.ts';
import type { JsonRecord } from './config-json.ts';
import { isRecord } from './config-json.ts';
import type { Merges } from './pieces/read-merges.ts';
import { parseText } from './pieces/json-spans.ts';

/** A `tokenizer.json` as it is used: its steps, and its vocabulary as arrays that are read where they lie. */
export interface CompactForm {
  /** The fields of the file but for its vocabulary and its merges. */
  readonly json: JsonRecord;
  /** Units of a `DoubleArray`: the ids of pieces by their bytes. */
  readonly units: Uint32Array<ArrayBuffer>;
  /** Of a unigram model by id, in the precision in which the file has them; empty for others. */
  readonly scores: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
  /** Of a byte-pair encoding; empty for others. */
  readonly merges: Merges;
}

/** Of the layout below, of what is in it, and of how files are read: stored forms of another version are made anew. */
export const COMPACT_FORM_VERSION = 1;

const MAGIC = 0x4b544c53;
/** Magic number, version, length of the description, zero, and the SHA-256 of all that follows. */
const HEAD_BYTES = 48;
const ALIGNMENT = 8;

type FormArray = Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

const ARRAYS = { u32: Uint32Array<ArrayBuffer>, f32: Float32Array<ArrayBuffer>, f64: Float64Array<ArrayBuffer> };
type ArrayType = keyof typeof ARRAYS;

const typeOf = (array: FormArray): ArrayType => (array instanceof Uint32Array ? 'u32' : array instanceof Float32Array ? 'f32' : 'f64');

const arraysOf = ({ units, scores, merges }: CompactForm): Readonly<Record<string, FormArray>> => ({
  units,
  scores,
  starts: merges.starts as Uint32Array<ArrayBuffer>,
  seconds: merges.seconds as Uint32Array<ArrayBuffer>,
  merged: merges.merged as Uint32Array<ArrayBuffer>,
  ranks: merges.ranks as Uint32Array<ArrayBuffer>,
});

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** What a form takes in memory, and in a file: its description is some kilobytes. */
export const compactBytesOf = (form: CompactForm): number =>
  Object.values(arraysOf(form)).reduce((sum, { byteLength }) => sum + aligned(byteLength), 0);

/** The form as a file: the head, a description in JSON, and the arrays, each at a multiple of eight bytes. Little-endian, as WebAssembly's memory. */
export async function writeCompactForm(form: CompactForm): Promise<Uint8Array<ArrayBuffer>> {
  const arrays = Object.entries(arraysOf(form));
  const layout = arrays.map(([name, array]) => [name, typeOf(array), array.length]);
  const description = utf8(JSON.stringify({ json: form.json, layout }));
  const file = new Uint8Array(aligned(HEAD_BYTES + description.length) + compactBytesOf(form));
  const head = new DataView(file.buffer);
  head.setUint32(0, MAGIC, true);
  head.setUint32(4, COMPACT_FORM_VERSION, true);
  head.setUint32(8, description.length, true);
  file.set(description, HEAD_BYTES);
  let at = aligned(HEAD_BYTES + description.length);
  for (const [, { buffer, byteOffset, byteLength }] of arrays) {
    file.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += aligned(byteLength);
  }
  file.set(await digestOf(file), HEAD_BYTES - DIGEST_BYTES);
  return file;
}

/** The form in a file, whose arrays stay where they are; undefined: it was not written by `writeCompactForm` of this version, or is damaged. */
export async function readCompactForm(file: Uint8Array<ArrayBuffer>): Promise<CompactForm | undefined> {
  if (file.length < HEAD_BYTES || file.byteOffset % ALIGNMENT !== 0) return undefined;
  const head = new DataView(file.buffer, file.byteOffset);
  if (head.getUint32(0, true) !== MAGIC || head.getUint32(4, true) !== COMPACT_FORM_VERSION) return undefined;
  const digest = await digestOf(file);
  if (!digest.every((byte, i) => byte === file[HEAD_BYTES - DIGEST_BYTES + i])) return undefined;
  const descriptionBytes = head.getUint32(8, true);
  const description = parseText(utf8Text(file.subarray(HEAD_BYTES, HEAD_BYTES + descriptionBytes)));
  if (!isRecord(description)) return undefined;
  const arrays: Record<string, FormArray> = {};
  let at = file.byteOffset + aligned(HEAD_BYTES + descriptionBytes);
  for (const [name, type, length] of description['layout'] as readonly (readonly [string, ArrayType, number])[]) {
    const array = new ARRAYS[type](file.buffer, at, length);
    arrays[name] = array;
    at += aligned(array.byteLength);
  }
  const u32 = (name: string) => arrays[name] as Uint32Array<ArrayBuffer>;
  return {
    json: description['json'] as JsonRecord,
    units: u32('units'),
    scores: arrays['scores'] as CompactForm['scores'],
    merges: { starts: u32('starts'), seconds: u32('seconds'), merged: u32('merged'), ranks: u32('ranks') },
  };
}

const DIGEST_BYTES = 32;

/** Of all behind the head. */
async function digestOf(file: Uint8Array): Promise<Uint8Array> {
  const hex = await sha256Hex(file.subarray(HEAD_BYTES));
  return Uint8Array.from({ length: DIGEST_BYTES }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
