import { must } from '../../kernel/assert.ts';
import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import type { Include, VectorColumns } from '../shard-protocol.ts';
import type { Row } from '../stored-vector.ts';

/** What an answer may carry of a row as text. Undefined: not read yet. */
interface Entry {
  readonly id: string;
  readonly metadata: string | null | undefined;
  readonly text: string | null | undefined;
}

/** What an entry takes beside its characters: its objects, and its place in the map. */
const ENTRY_BYTES = 160;
/** Claimed at once. A registry is asked for memory rarely, and a small shard takes little. */
const STEP_BYTES = 128 * 1024;
/** Of a row whose texts are longer, reading them costs more than the statement that reads them. */
const ENTRY_BYTES_MAX = 16 * 1024;

/** Reads columns of stored rows, in the order of the rows; undefined when they take more than an answer may hold. */
type ReadColumns = (rows: readonly Row[]) => VectorColumns | undefined;

/**
 * Ids, metadata and texts of the rows that queries found last, as many as the isolate has memory to spare for: a query whose matches are here
 * asks SQL nothing. What a row holds never changes, so nothing here is ever outdated.
 */
export class RecentColumns implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #name: string;
  // The one kept longest comes first.
  readonly #entries = new Map<Row, Entry>();
  #entryBytes = 0;
  #claimedBytes = 0;

  constructor(memory: MemoryRegistry, name: string) {
    this.#memory = memory;
    this.#name = name;
  }

  /** Bytes claimed. */
  get bytes(): number {
    return this.#claimedBytes;
  }

  /** Columns without values. Those of rows that are not here are read, all at once, and then are here; undefined when all take more than `bytesMax`. */
  columns(rows: readonly Row[], include: Include, bytesMax: number, read: ReadColumns): VectorColumns | undefined {
    const known = rows.map((row) => this.#known(row, include));
    const missing = rows.filter((_, position) => known[position] === undefined);
    const found = missing.length === 0 ? NOTHING : read(missing);
    if (found === undefined) return undefined;
    let next = 0;
    const entries = rows.map((row, position) => known[position] ?? this.#keep(row, entryOf(found, next++)));
    if (entries.reduce((bytes, entry) => bytes + charBytes(entry, include.metadata, include.text), 0) > bytesMax) return undefined;
    return {
      ids: entries.map(({ id }) => id),
      values: null,
      metadata: include.metadata ? entries.map(({ metadata }) => metadata ?? null) : null,
      texts: include.text ? entries.map(({ text }) => text ?? null) : null,
    };
  }

  /** The entry of a row that has all that is asked for. */
  #known(row: Row, { metadata, text }: Include): Entry | undefined {
    const entry = this.#entries.get(row);
    if (entry === undefined || (metadata && entry.metadata === undefined) || (text && entry.text === undefined)) return undefined;
    return entry;
  }

  drop(): void {
    this.evict(Infinity);
    this.#memory.release(this.#name, this);
  }

  /** What was kept longest goes first. */
  evict(bytes: number): number {
    const given = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
    this.#claimedBytes = Math.max(0, this.#claimedBytes - given);
    this.#forgetBeyond(this.#claimedBytes);
    return this.#claimedBytes === 0 ? Infinity : given;
  }

  /** The entry, which is here from now on if there is memory for it. */
  #keep(row: Row, read: Entry): Entry {
    const before = this.#entries.get(row);
    const entry = before === undefined ? read : { id: read.id, metadata: read.metadata ?? before.metadata, text: read.text ?? before.text };
    const bytes = bytesOf(entry);
    if (bytes > ENTRY_BYTES_MAX) return entry;
    if (before !== undefined) this.#forget(row, before);
    if (this.#entryBytes + bytes > this.#claimedBytes) {
      const claimed = this.#claimedBytes + STEP_BYTES;
      if (this.#memory.claimSpare(this.#name, this, claimed)) this.#claimedBytes = claimed;
      else this.#forgetBeyond(this.#claimedBytes - bytes);
    }
    if (this.#entryBytes + bytes > this.#claimedBytes) return entry;
    this.#entries.set(row, entry);
    this.#entryBytes += bytes;
    return entry;
  }

  #forgetBeyond(bytes: number): void {
    for (const [row, entry] of this.#entries) {
      if (this.#entryBytes <= bytes) return;
      this.#forget(row, entry);
    }
  }

  #forget(row: Row, entry: Entry): void {
    this.#entries.delete(row);
    this.#entryBytes -= bytesOf(entry);
  }
}

const NOTHING: VectorColumns = { ids: [], values: null, metadata: null, texts: null };

const entryOf = ({ ids, metadata, texts }: VectorColumns, at: number): Entry => ({
  id: must(ids[at], 'a row that is read is stored'),
  metadata: metadata === null ? undefined : (metadata[at] ?? null),
  text: texts === null ? undefined : (texts[at] ?? null),
});

/** A text with one wide character takes two bytes a unit, in memory and on the way to the gateway. */
const charBytes = ({ id, metadata, text }: Entry, withMetadata: boolean, withText: boolean): number =>
  2 * (id.length + (withMetadata ? (metadata?.length ?? 0) : 0) + (withText ? (text?.length ?? 0) : 0));

const bytesOf = (entry: Entry): number => ENTRY_BYTES + charBytes(entry, true, true);
