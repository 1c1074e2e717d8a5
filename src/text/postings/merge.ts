import { POSTING_LIMITS } from '../../contract/indexes/posting-limits.ts';
import { must } from '../../kernel/assert.ts';
import { leafTerms } from './dictionary-leaf.ts';
import type { PostingTask } from './flush.ts';
import { GatheredPostings, GONE, moved, ROW_POSTINGS, TERM_POSTINGS, WRITE_POSTINGS } from './flush.ts';
import { LeafWriter } from './leaf-writer.ts';
import type { PostingMemory } from './posting-memory.ts';
import type { Segment } from './segment.ts';
import type { StoredColumn, StoredSegment } from './segment-store.ts';
import type { StoredPostings } from './stored-postings.ts';

/**
 * Which segments of a namespace to merge next, neighbours in order of their rows; none when they are as they should be. The last ones, as long as
 * one has not more than `mergeRatio` times the rows of all behind it; else one of which too many rows are removed. [TX46]
 */
export function segmentsToMerge(segments: readonly StoredSegment[]): readonly StoredSegment[] {
  let from = segments.length - 1;
  let behind = 0;
  for (; from >= 0; from -= 1) {
    const { count, deleted } = segments[from]!;
    const rows = count - deleted;
    if (rows > POSTING_LIMITS.mergeRatio * behind && from < segments.length - 1) break;
    if (rows + behind > POSTING_LIMITS.segmentRowsMaxCount) break;
    behind += rows;
  }
  if (segments.length - from > 2) return segments.slice(from + 1);
  return segments.filter(({ count, deleted }) => deleted > POSTING_LIMITS.rewriteDeletedShare * count).slice(0, 1);
}

/** Starts a segment that will have what is left of others; undefined when that is nothing: then they are dropped. */
export function beginMerge(memory: PostingMemory, namespace: number, ids: readonly number[]): StoredSegment | undefined {
  const sources = sourcesOf(memory, namespace, ids);
  const rows = liveRows(sources);
  if (rows.length === 0) {
    replace(memory, namespace, ids, undefined);
    return undefined;
  }
  return memory.store.segment(memory.store.insertSegment(namespace, rows, ids));
}

/** Writes what is missing of a merged segment, also of one that was begun before memory was lost; at the end it replaces its sources. */
export function* merge(memory: PostingMemory, target: StoredSegment): PostingTask {
  const sources = sourcesOf(memory, target.namespace, target.sources);
  const rows = memory.store.rowsOf(target);
  const moves = sources.map((source) => movesTo(source.rows, rows));
  yield ROW_POSTINGS * target.count;
  const merged: StoredColumn[] = [];
  for (const field of new Set(sources.flatMap((source) => [...source.fields]))) {
    const column = memory.store.columnOf(target, field) ?? insertColumn(memory, sources, moves, target, field);
    merged.push(column);
    yield WRITE_POSTINGS + ROW_POSTINGS * target.count;
    yield* mergeColumn(memory, sources, moves, column);
  }
  // Rows that were removed meanwhile; memory may have let the sources go and read them again.
  const current = sourcesOf(memory, target.namespace, target.sources);
  const removed = current.flatMap(({ deleted }, i) => deleted.ordinals.map((ordinal) => moves[i]![ordinal]!).filter((at) => at !== GONE));
  if (removed.length > 0) memory.store.addDeleted(target.id, removed);
  for (const { id, field } of merged) {
    const columns = current.flatMap((source) => source.column(field) ?? []);
    const sum = (of: 'documents' | 'totalLength'): number => columns.reduce((total, column) => total + column[of], 0);
    memory.store.setTotals(id, { documents: sum('documents'), totalLength: sum('totalLength') });
  }
  replace(memory, target.namespace, target.sources, target.id);
}

function replace(memory: PostingMemory, namespace: number, sources: readonly number[], target: number | undefined): void {
  for (const source of sources) memory.store.setState(source, 'dropped');
  if (target !== undefined) memory.store.setState(target, 'live');
  memory.replaceSegments(namespace, sources, target);
}

function sourcesOf(memory: PostingMemory, namespace: number, ids: readonly number[]): Segment[] {
  const segments = memory.segments(namespace);
  return ids.map((source) =>
    must(
      segments.find(({ id }) => id === source),
      `segment ${source} is live until it is merged`,
    ),
  );
}

function liveRows(sources: readonly Segment[]): Float64Array {
  const rows = new Float64Array(sources.reduce((sum, source) => sum + source.rows.length, 0));
  let count = 0;
  for (const source of sources) {
    for (let ordinal = 0; ordinal < source.rows.length; ordinal += 1)
      if (!source.deleted.has(ordinal)) rows[count++] = source.rows[ordinal]!;
  }
  return rows.subarray(0, count);
}

/** By ordinal of `from`, the ordinal of the same row in `to`. */
function movesTo(from: ArrayLike<number>, to: ArrayLike<number>): Uint32Array {
  const moves = new Uint32Array(from.length).fill(GONE);
  let at = 0;
  for (let ordinal = 0; ordinal < from.length; ordinal += 1) {
    while (at < to.length && to[at]! < from[ordinal]!) at += 1;
    if (to[at] === from[ordinal]) moves[ordinal] = at;
  }
  return moves;
}

/** A column of all lengths, but without leaves. */
function insertColumn(
  { store }: PostingMemory,
  sources: readonly Segment[],
  moves: readonly Uint32Array[],
  { id: target, count }: StoredSegment,
  field: number,
): StoredColumn {
  const columns = sources.map((source) => source.column(field));
  const lengths = new Uint32Array(count);
  columns.forEach((column, i) => column !== undefined && moved(column.lengths, moves[i]!, lengths));
  const isText = columns.some((column) => column?.isText === true);
  return { id: store.insertColumn(target, field, isText, lengths), field, documents: 0, totalLength: 0, isText, lengths };
}

/** Goes on behind the last leaf that is stored. */
function* mergeColumn(
  { store }: PostingMemory,
  sources: readonly Segment[],
  moves: readonly Uint32Array[],
  column: StoredColumn,
): PostingTask {
  let leaf = store.firstTerms(column.id).length;
  const written = leaf === 0 ? [] : [...leafTerms(store.leafTerms(column.id, leaf - 1))];
  const writer = new LeafWriter();
  const gathered = new GatheredPostings(column.lengths.length);
  for (const [term, lists] of inOrder(sources.map((source) => source.listsBehind(column.field, written.at(-1)?.term)))) {
    gathered.clear();
    for (const [i, list] of lists.entries()) if (list !== undefined) yield* gathered.add(list, moves[i]!);
    if (gathered.count === 0) continue;
    yield* writer.add(term, { ...gathered.columns, isText: column.isText, lengths: column.lengths });
    yield gathered.rest + TERM_POSTINGS;
    if (!writer.isFull) continue;
    store.insertLeaf(column.id, leaf++, writer.take());
    yield WRITE_POSTINGS;
  }
  if (!writer.isEmpty) store.insertLeaf(column.id, leaf, writer.take());
}

type Lists = Iterator<readonly [term: string, list: StoredPostings]>;

/** Terms in order of code units, each with the list of every source that has it. */
function* inOrder(sources: readonly Lists[]): Generator<readonly [term: string, lists: (StoredPostings | undefined)[]]> {
  const heads = sources.map((source) => source.next());
  for (;;) {
    let first: string | undefined;
    for (const { done, value } of heads) if (done !== true && (first === undefined || value[0] < first)) [first] = value;
    if (first === undefined) return;
    const lists = heads.map(({ done, value }) => (done !== true && value[0] === first ? value[1] : undefined));
    yield [first, lists];
    lists.forEach((list, i) => {
      if (list !== undefined) heads[i] = sources[i]!.next();
    });
  }
}
