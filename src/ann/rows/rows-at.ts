import type { Rows } from './rows.ts';

/** The rows at the positions, in their order. */
export function rowsAt({ ids, namespaces, values, metadata, texts }: Rows, positions: readonly number[]): Rows {
  const dimensions = values.length / ids.length;
  const chosen = new Float32Array(positions.length * dimensions);
  positions.forEach((at, i) => chosen.set(values.subarray(at * dimensions, (at + 1) * dimensions), i * dimensions));
  return {
    ids: positions.map((at) => ids[at]!),
    namespaces: positions.map((at) => namespaces[at]!),
    values: chosen,
    metadata: positions.map((at) => metadata[at]!),
    texts: positions.map((at) => texts[at]!),
  };
}
