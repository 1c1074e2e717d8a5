import { LeafWriter } from './leaf-writer.ts';
import type { MemoryPart } from './memory-part.ts';
import type { PostingBlocks } from './posting-blocks.ts';
import { BLOCK_POSTINGS, PIECE_BLOCKS, PIECE_POSTINGS } from './posting-blocks.ts';
import type { Memtable, PostingMemory } from './posting-memory.ts';
import type { SegmentStore } from './segment-store.ts';

/** Work in pieces: each yields how many postings it handled, or what took as long. It belongs into a transaction, together with others or alone. */
export type PostingTask = Generator<number, void>;

/** What a row of SQLite that is written costs, in postings handled. */
export const WRITE_POSTINGS = 2_000;
/** What a row costs whose number or length is moved, in postings handled. */
export const ROW_POSTINGS = 1 / 8;
/** What a term costs besides its postings, in postings handled: most terms have one. */
export const TERM_POSTINGS = 250;

/** A part on its way to a segment: the ordinals that its rows have there; `GONE` of those it leaves behind. */
interface FlushedPart {
  readonly part: MemoryPart;
  readonly namespace: number;
  readonly segment: number;
  readonly columns: ReadonlyMap<number, number>;
  readonly ordinals: Uint32Array;
}

/** Of a row that is not in the other segment. */
export const GONE = 0xffff_ffff;

/** Writes the frozen rows as segments, one a namespace, which replace them all at once at the end. [TX45] */
export function* flush(memory: PostingMemory, frozen: Memtable): PostingTask {
  const flushed: FlushedPart[] = [];
  for (const [namespace, part] of frozen.parts) {
    const started = begin(memory.store, namespace, part);
    yield WRITE_POSTINGS;
    if (started === undefined) continue;
    flushed.push(started);
    for (const [field, column] of started.columns) yield* writeColumn(memory.store, started, field, column);
  }
  for (const { namespace, part, segment, columns, ordinals } of flushed) {
    const removed = part.deleted.ordinals.map((ordinal) => ordinals[ordinal]!).filter((ordinal) => ordinal !== GONE);
    if (removed.length > 0) memory.store.addDeleted(segment, removed);
    for (const [field, column] of columns) memory.store.setTotals(column, part.column(field)!);
    memory.store.setState(segment, 'live');
    memory.replaceSegments(namespace, [], segment);
  }
  memory.flushedRow = frozen.lastRow;
  memory.store.flushedRow = frozen.lastRow;
  memory.frozen = undefined;
}

/** Undefined when all rows were removed. */
function begin(store: SegmentStore, namespace: number, part: MemoryPart): FlushedPart | undefined {
  const ordinals = new Uint32Array(part.rows.length).fill(GONE);
  const rows = part.rows.filter((_, ordinal) => !part.deleted.has(ordinal));
  if (rows.length === 0) return undefined;
  let next = 0;
  for (let ordinal = 0; ordinal < ordinals.length; ordinal += 1) if (!part.deleted.has(ordinal)) ordinals[ordinal] = next++;
  const segment = store.insertSegment(namespace, rows, []);
  const columns = new Map<number, number>();
  for (const field of part.fields) {
    const { isText, lengths } = part.column(field)!;
    columns.set(field, store.insertColumn(segment, field, isText, moved(lengths, ordinals, new Uint32Array(rows.length))));
  }
  return { part, namespace, segment, columns, ordinals };
}

/** Lengths by their new ordinals. */
export function moved(lengths: Uint32Array, ordinals: Uint32Array, into: Uint32Array): Uint32Array {
  for (let ordinal = 0; ordinal < Math.min(ordinals.length, lengths.length); ordinal += 1) {
    if (ordinals[ordinal] !== GONE) into[ordinals[ordinal]!] = lengths[ordinal]!;
  }
  return into;
}

function* writeColumn(store: SegmentStore, { part, ordinals }: FlushedPart, field: number, column: number): PostingTask {
  const { isText, lengths: before } = part.column(field)!;
  const lengths = moved(before, ordinals, new Uint32Array(ordinals.length));
  const writer = new LeafWriter();
  const gathered = new GatheredPostings(ordinals.length);
  let leaf = 0;
  for (const term of part.termsFrom(field, '')) {
    gathered.clear();
    yield* gathered.add(part.find(field, term)!, ordinals);
    if (gathered.count === 0) continue;
    yield* writer.add(term, { ...gathered.columns, isText, lengths });
    yield gathered.rest + TERM_POSTINGS;
    if (!writer.isFull) continue;
    store.insertLeaf(column, leaf++, writer.take());
    yield WRITE_POSTINGS;
  }
  if (!writer.isEmpty) store.insertLeaf(column, leaf, writer.take());
}

/** Postings of a term from one part after the other, with the ordinals that they have in a new segment. */
export class GatheredPostings {
  readonly #ordinals: Uint32Array;
  readonly #values: Float64Array;
  readonly #block = { ordinals: new Uint32Array(BLOCK_POSTINGS), values: new Float64Array(BLOCK_POSTINGS) };
  #count = 0;

  constructor(countMax: number) {
    this.#ordinals = new Uint32Array(countMax);
    this.#values = new Float64Array(countMax);
  }

  get count(): number {
    return this.#count;
  }

  get columns(): { readonly ordinals: Uint32Array; readonly values: Float64Array; readonly count: number } {
    return { ordinals: this.#ordinals, values: this.#values, count: this.#count };
  }

  clear(): void {
    this.#count = 0;
  }

  /** Those that are in no whole piece. */
  get rest(): number {
    return this.#count % PIECE_POSTINGS;
  }

  /** `moves`: the new ordinal of each old one; new ones are higher than any before. Yields half of the postings of each piece. */
  *add(list: PostingBlocks, moves: Uint32Array): PostingTask {
    const { ordinals, values } = this.#block;
    for (let block = 0; block < list.lasts.length; block += 1) {
      if (block % PIECE_BLOCKS === PIECE_BLOCKS - 1) yield PIECE_POSTINGS / 2;
      const count = list.decode(block, ordinals, values);
      for (let i = 0; i < count; i += 1) {
        const ordinal = moves[ordinals[i]!]!;
        if (ordinal === GONE) continue;
        this.#ordinals[this.#count] = ordinal;
        this.#values[this.#count] = values[i]!;
        this.#count += 1;
      }
    }
  }
}
