import type { VectorColumns } from '../../ann/shard-protocol.ts';

/** Vectors of several answers to the same question, one after another. */
export function joinColumns(parts: readonly VectorColumns[]): VectorColumns {
  return {
    ids: parts.flatMap(({ ids }) => ids),
    values: joinFloats(parts.map(({ values }) => values)),
    metadata: joinOptional(parts.map(({ metadata }) => metadata)),
    texts: joinOptional(parts.map(({ texts }) => texts)),
  };
}

/** The first `count` of some vectors. */
export const firstColumns = ({ ids, values, metadata, texts }: VectorColumns, count: number, dimensions: number): VectorColumns => ({
  ids: ids.slice(0, count),
  values: values?.slice(0, count * dimensions) ?? null,
  metadata: metadata?.slice(0, count) ?? null,
  texts: texts?.slice(0, count) ?? null,
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
