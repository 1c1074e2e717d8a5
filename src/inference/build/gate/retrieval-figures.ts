/** Vectors of queries and documents under one model, row-major, and which documents answer a query, with grades. */
export interface GatedTask {
  readonly dimensions: number;
  readonly queries: Float32Array;
  readonly documents: Float32Array;
}

/** For each query, the grades of the documents that answer it, by position. Those not named have grade 0. */
export type Relevance = readonly ReadonlyMap<number, number>[];

const DEPTH = 10;

/**
 * The ten nearest documents of each query, by dot product, ties by position. A query whose vector is zero or not finite has no neighbours, and
 * a document whose vector is not finite is found by no query: a model cannot gain by being broken.
 */
export function nearestOfQueries({ dimensions, queries, documents }: GatedTask): number[][] {
  const isWhole = usableRows(documents, dimensions);
  return usableRows(queries, dimensions).map((isUsable, query) => {
    if (!isUsable) return [];
    const scores = new Float64Array(isWhole.length);
    for (let document = 0; document < isWhole.length; document++) {
      let score = 0;
      for (let d = 0; d < dimensions; d++) score += queries[query * dimensions + d]! * documents[document * dimensions + d]!;
      scores[document] = isWhole[document]! ? score : -Infinity;
    }
    return topTen(scores).filter((document) => isWhole[document]!);
  });
}

/** Whether each vector is finite and not zero. */
function usableRows(vectors: Float32Array, dimensions: number): boolean[] {
  return Array.from({ length: vectors.length / dimensions }, (_, row) => {
    const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    return vector.every(Number.isFinite) && vector.some((x) => x !== 0);
  });
}

/** Positions of the ten largest scores, the largest first; one pass, since a task has thousands of documents and thousands of queries. */
export function topTen(scores: Float64Array): number[] {
  const top: number[] = [];
  scores.forEach((score, position) => {
    if (top.length === DEPTH && !(score > scores[top[DEPTH - 1]!]!)) return;
    let at = top.length;
    while (at > 0 && score > scores[top[at - 1]!]!) at--;
    top.splice(at, 0, position);
    if (top.length > DEPTH) top.pop();
  });
  return top;
}

/** For each query, the share of the base's ten nearest that the candidate has among its own. 1 where the base has none either. */
export function overlaps(base: readonly (readonly number[])[], candidate: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(base, (nearest, query) => {
    const found = candidate[query]!;
    if (nearest.length === 0) return found.length === 0 ? 1 : 0;
    return nearest.filter((document) => found.includes(document)).length / nearest.length;
  });
}

/** nDCG@10 of each query; 0 for a query without neighbours. */
export function ndcgs(nearest: readonly (readonly number[])[], relevance: Relevance): Float64Array {
  return Float64Array.from(nearest, (documents, query) => {
    const grades = relevance[query]!;
    const ideal = gain([...grades.values()].sort((a, b) => b - a).slice(0, DEPTH));
    return ideal === 0 ? 0 : gain(documents.map((document) => grades.get(document) ?? 0)) / ideal;
  });
}

const gain = (grades: readonly number[]): number => grades.reduce((sum, grade, rank) => sum + (2 ** grade - 1) / Math.log2(rank + 2), 0);

/** How many vectors say nothing. */
export interface BrokenVectors {
  readonly zero: number;
  readonly notFinite: number;
}

export function brokenVectors(vectors: Float32Array, dimensions: number): BrokenVectors {
  let [zero, notFinite] = [0, 0];
  for (let from = 0; from < vectors.length; from += dimensions) {
    const vector = vectors.subarray(from, from + dimensions);
    if (!vector.every(Number.isFinite)) notFinite++;
    else if (vector.every((x) => x === 0)) zero++;
  }
  return { zero, notFinite };
}

/** Spearman's rank correlation; equal values share their mean rank. NaN, which no bound accepts, if a value is NaN or all are equal. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  if ([...x, ...y].some(Number.isNaN)) return Number.NaN;
  const [a, b] = [ranks(x), ranks(y)];
  const mean = (x.length - 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - mean) * (b[i]! - mean);
    aa += (a[i]! - mean) ** 2;
    bb += (b[i]! - mean) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

function ranks(values: readonly number[]): Float64Array {
  const order = Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) found[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return found;
}
