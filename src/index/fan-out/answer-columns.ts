import type { Include, ShardVectors, VectorColumns, ShardMatches } from '../../ann/shard-protocol.ts';
import type { Vectors } from '../../ann/stored-vector.ts';
import { must } from '../../kernel/assert.ts';

/** A vector of one of several answers: which answer, and where it stands there. */
interface Found {
  readonly from: number;
  readonly at: number;
}

/** The included columns of vectors from several answers, in the order of `chosen`. */
export function gatherColumns(
  answers: readonly ShardVectors[],
  chosen: readonly Found[],
  dimensions: number,
  include: Include,
): ShardVectors & { readonly versions: number[] } {
  return {
    ids: chosen.map(({ from, at }) => answers[from]!.ids[at]!),
    ...(include.values ? gatherVectors(answers, chosen, dimensions) : { values: null }),
    metadata: include.metadata ? chosen.map(({ from, at }) => answers[from]?.metadata?.[at] ?? null) : null,
    texts: include.text ? chosen.map(({ from, at }) => answers[from]?.texts?.[at] ?? null) : null,
    ...(include.contents === true ? { contents: chosen.map(({ from, at }) => answers[from]?.contents?.[at] ?? null) } : {}),
    versions: chosen.map(({ from, at }) => answers[from]?.versions?.[at] ?? 0),
    lsn: answers.reduce((most, { lsn }) => Math.max(most, lsn), 0),
  };
}

/** The vectors of rows from several answers, in the order of `chosen`. */
export function gatherVectors(answers: readonly VectorColumns[], chosen: readonly Found[], dimensions: number): Vectors {
  const values = new Float32Array(chosen.length * dimensions);
  for (const [to, { from, at }] of chosen.entries()) {
    values.set(answers[from]?.values?.subarray(at * dimensions, (at + 1) * dimensions) ?? [], to * dimensions);
  }
  const vectorless = chosen.map(({ from, at }) => answers[from]?.vectorless?.[at] === true);
  return vectorless.includes(true) ? { values, vectorless } : { values };
}

/** Each id of several answers once, where its row is newest. */
export function newestOf(answers: readonly Pick<ShardVectors, 'ids' | 'versions'>[]): Map<string, Found> {
  const newest = new Map<string, Found & { readonly version: number }>();
  for (const [from, { ids, versions }] of answers.entries()) {
    for (const [at, id] of ids.entries()) {
      const version = versions?.[at] ?? 0;
      const known = newest.get(id);
      if (known === undefined || known.version < version) newest.set(id, { from, at, version });
    }
  }
  return newest;
}

/** Vectors of several answers to the same question, one after another. */
export function joinColumns(parts: readonly VectorColumns[]): VectorColumns {
  const contents = joinOptional(parts.map((part) => part.contents ?? null));
  const hasVectorless = parts.some(({ vectorless }) => vectorless !== undefined);
  return {
    ids: parts.flatMap(({ ids }) => ids),
    values: joinFloats(parts.map(({ values }) => values)),
    ...(hasVectorless ? { vectorless: parts.flatMap(({ ids, vectorless }) => vectorless ?? ids.map(() => false)) } : {}),
    metadata: joinOptional(parts.map(({ metadata }) => metadata)),
    texts: joinOptional(parts.map(({ texts }) => texts)),
    ...(contents === null ? {} : { contents }),
  };
}

/** The first `count` of some vectors. */
export const firstColumns = (
  { ids, values, vectorless, metadata, texts, contents }: VectorColumns,
  count: number,
  dimensions: number,
): VectorColumns => ({
  ids: ids.slice(0, count),
  values: values?.slice(0, count * dimensions) ?? null,
  ...(vectorless === undefined ? {} : { vectorless: vectorless.slice(0, count) }),
  metadata: metadata?.slice(0, count) ?? null,
  texts: texts?.slice(0, count) ?? null,
  ...(contents === undefined ? {} : { contents: contents.slice(0, count) }),
});

/** A column that was not requested is absent from every part. */
function joinOptional<T>(columns: readonly (readonly T[] | null)[]): readonly T[] | null {
  const present = columns.filter((column) => column !== null);
  return present.length < columns.length ? null : present.flat();
}

function joinFloats(columns: readonly (Float32Array<ArrayBuffer> | null)[]): Float32Array<ArrayBuffer> | null {
  const present = columns.filter((column) => column !== null);
  if (present.length < columns.length) return null;
  const joined = new Float32Array(present.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const column of present) {
    joined.set(column, at);
    at += column.length;
  }
  return joined;
}

/** Some of the matches, without what is included. */
export const bareMatches = (found: ShardMatches, from: number, end: number): ShardMatches => ({
  ...withoutColumns(found),
  ids: found.ids.slice(from, end),
  scores: found.scores.slice(from, end),
});

/** An answer without what is included. */
export function withoutColumns<T extends VectorColumns>(
  answer: T,
): Omit<T, 'contents' | 'vectorless'> & Pick<VectorColumns, 'values' | 'metadata' | 'texts'> {
  const { contents: _, vectorless: __, ...rest } = answer;
  return { ...rest, ...NOTHING };
}

/** Matches with their fetched columns; vectors deleted in between are left out. */
export function fetchedMatches(matches: ShardMatches, fetched: ShardVectors): ShardMatches {
  const { lsn, missing, explanation } = matches;
  const scoreOf = new Map(matches.ids.map((id, i) => [id, matches.scores[i]]));
  const { ids, values, vectorless, metadata, texts, contents } = fetched;
  const scores = ids.map((id) => must(scoreOf.get(id), 'only matches are fetched'));
  const rest = {
    ...(vectorless === undefined ? {} : { vectorless }),
    ...(contents === undefined ? {} : { contents }),
    ...(missing === undefined ? {} : { missing }),
    ...(explanation === undefined ? {} : { explanation }),
  };
  return { ids, scores, values, metadata, texts, lsn, ...rest };
}

/** What the included columns take, at two bytes a UTF-16 unit. */
export const columnsBytes = ({ values, metadata, texts, contents }: Omit<VectorColumns, 'ids'>): number =>
  (values?.byteLength ?? 0) +
  2 * [...(metadata ?? []), ...(texts ?? []), ...(contents ?? [])].reduce((chars, text) => chars + (text?.length ?? 0), 0);

const NOTHING = { values: null, metadata: null, texts: null };
