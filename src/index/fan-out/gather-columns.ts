import type { Include, ShardVectors } from '../../ann/shard-protocol.ts';

/** A vector of one of several answers: which answer, and where it stands there. */
export interface Found {
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
  const values = new Float32Array(include.values ? chosen.length * dimensions : 0);
  if (include.values) {
    for (const [to, { from, at }] of chosen.entries()) {
      values.set(answers[from]?.values?.subarray(at * dimensions, (at + 1) * dimensions) ?? [], to * dimensions);
    }
  }
  return {
    ids: chosen.map(({ from, at }) => answers[from]!.ids[at]!),
    values: include.values ? values : null,
    metadata: include.metadata ? chosen.map(({ from, at }) => answers[from]?.metadata?.[at] ?? null) : null,
    texts: include.text ? chosen.map(({ from, at }) => answers[from]?.texts?.[at] ?? null) : null,
    versions: chosen.map(({ from, at }) => answers[from]?.versions?.[at] ?? 0),
    lsn: answers.reduce((most, { lsn }) => Math.max(most, lsn), 0),
  };
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
