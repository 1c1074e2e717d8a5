import type { Centroid, ListModel } from '../../../src/ann/lists/list-model.ts';
import { decodeListModel } from '../../../src/ann/lists/list-model.ts';
import { PostingLists } from '../../../src/ann/lists/posting-lists.ts';
import type { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';

/** One posting list as it is stored. */
export interface ImageList {
  readonly list: number;
  readonly centroid: Centroid;
  readonly entryCount: number;
  readonly blocks: readonly Uint8Array[];
}

/** A list set as one block of bytes: JSON with the lengths, then the model, centroids and blocks as a shard stores them. */
export function encodeImage(model: Uint8Array, lists: Iterable<ImageList>): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [model];
  const table = [];
  for (const { list, centroid, entryCount, blocks } of lists) {
    table.push({ list, scale: centroid.scale, entryCount, blocks: blocks.map(({ length }) => length) });
    parts.push(new Uint8Array(centroid.codes), ...blocks);
  }
  const header = new TextEncoder().encode(JSON.stringify({ modelBytes: model.length, table }));
  parts.unshift(new Uint8Array(Uint32Array.of(header.length).buffer), header);
  const image = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    image.set(part, at);
    at += part.length;
  }
  return image;
}

interface Header {
  readonly modelBytes: number;
  readonly table: { readonly list: number; readonly scale: number; readonly entryCount: number; readonly blocks: number[] }[];
}

/** The lists without their entries, and a reader of the entries of a list. */
export interface OpenImage {
  readonly model: ListModel;
  readonly lists: PostingLists;
  readonly entryCount: number;
  readonly pageIn: (list: number) => void;
  /** Reads every list into memory. */
  readonly load: () => void;
}

export function openImage(kernels: ProbeKernels, image: Uint8Array): OpenImage {
  let at = 4;
  const take = (bytes: number): Uint8Array => image.subarray(at, (at += bytes));
  const headerBytes = new DataView(image.buffer, image.byteOffset).getUint32(0, true);
  const { modelBytes, table } = JSON.parse(new TextDecoder().decode(take(headerBytes))) as Header;
  const model = decodeListModel(take(modelBytes));
  const lists = new PostingLists(kernels, model);
  const stored = new Map<number, Uint8Array[]>();
  let total = 0;
  for (const { list, scale, entryCount, blocks } of table) {
    lists.putList(list, { codes: new Int8Array(take(model.dimensions)), scale }, entryCount);
    stored.set(list, blocks.map(take));
    total += entryCount;
  }
  const pageIn = (list: number): void => lists.adopt(list, stored.get(list) ?? []);
  const load = (): void => {
    for (const list of stored.keys()) if (!lists.isResident(list)) pageIn(list);
  };
  return { model, lists, entryCount: total, pageIn, load };
}
