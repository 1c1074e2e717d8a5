import { checksum, intact } from '../lists/integrity.ts';
import type { Centroid, ListModel } from '../lists/list-model.ts';
import { decodeListModel, encodeListModel } from '../lists/list-model.ts';

/** What a training comes to, wherever it was done. */
export interface TrainedLists {
  readonly model: ListModel;
  readonly centroids: readonly Centroid[];
}

// Layout 1, little-endian: u32 magic, bytes of the model, number of centroids, checksum of all behind it; the model; of each centroid its
// float32 scale and int8 codes.
const MAGIC = 0x4241_0001;
const HEADER_BYTES = 16;

/** The artefact of an index build, as it travels from where it was made to the shard. */
export function encodeBuild({ model, centroids }: TrainedLists): Uint8Array<ArrayBuffer> {
  const encoded = encodeListModel(model);
  const each = 4 + model.dimensions;
  const bytes = new Uint8Array(HEADER_BYTES + encoded.length + centroids.length * each);
  const view = new DataView(bytes.buffer);
  bytes.set(encoded, HEADER_BYTES);
  centroids.forEach(({ scale, codes }, at) => {
    const start = HEADER_BYTES + encoded.length + at * each;
    view.setFloat32(start, scale, true);
    bytes.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.length), start + 4);
  });
  for (const [at, word] of [MAGIC, encoded.length, centroids.length, checksum(bytes.subarray(HEADER_BYTES))].entries())
    view.setUint32(4 * at, word, true);
  return bytes;
}

/** Throws `CorruptList` for bytes that are no such artefact. */
export function decodeBuild(bytes: Uint8Array): TrainedLists {
  intact(bytes.length >= HEADER_BYTES, 'a build has a header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [magic, modelBytes, count, sum] = [0, 1, 2, 3].map((at) => view.getUint32(4 * at, true)) as [number, number, number, number];
  intact(magic === MAGIC, 'a build is of layout 1');
  intact(sum === checksum(bytes.subarray(HEADER_BYTES)), 'the checksum of a build fits its bytes');
  const model = decodeListModel(bytes.subarray(HEADER_BYTES, HEADER_BYTES + modelBytes));
  const each = 4 + model.dimensions;
  const from = HEADER_BYTES + modelBytes;
  intact(bytes.length === from + count * each, 'a build has all of its centroids');
  const centroids = Array.from({ length: count }, (_, at): Centroid => {
    const start = from + at * each;
    const scale = view.getFloat32(start, true);
    intact(Number.isFinite(scale) && scale >= 0, 'the scale of a centroid is a finite number');
    return { scale, codes: Int8Array.from(new Int8Array(bytes.buffer, bytes.byteOffset + start + 4, model.dimensions)) };
  });
  return { model, centroids };
}
