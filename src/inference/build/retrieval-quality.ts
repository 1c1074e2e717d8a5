/** Vectors of queries and of the documents that answer them: the answer to query `i` is document `i`. */
export interface RetrievalTask {
  readonly dimensions: number;
  readonly queries: ArrayLike<number>;
  readonly documents: ArrayLike<number>;
}

export interface RetrievalQuality {
  /** Share of queries whose answer is among the ten nearest documents. */
  readonly recallAt10: number;
  /** Mean reciprocal rank of the answer. */
  readonly mrr: number;
}

/** Ties count against the model, so constant vectors score nothing. */
export function retrievalQuality(task: RetrievalTask): RetrievalQuality {
  const count = task.queries.length / task.dimensions;
  let found = 0;
  let reciprocalRanks = 0;
  for (let query = 0; query < count; query++) {
    const scores = scoresOf(task, query);
    const own = scores[query]!;
    const rank = scores.reduce((ahead, score, document) => (document === query || score < own ? ahead : ahead + 1), 1);
    if (rank <= 10) found++;
    reciprocalRanks += 1 / rank;
  }
  return { recallAt10: found / count, mrr: reciprocalRanks / count };
}

/**
 * Ranks of the answers, document `answers[i]` to query `i`, as the share of queries that have it among the first `k`. Ties count against the
 * model.
 */
export function recallOf({ dimensions, queries, documents }: RetrievalTask, answers: readonly number[]): (k: number) => number {
  const ranks = answers.map((answer, query) => {
    const scores = scoresOf({ dimensions, queries, documents }, query);
    const own = scores[answer]!;
    return scores.reduce((ahead, score, document) => (document === answer || score < own ? ahead : ahead + 1), 1);
  });
  return (k) => ranks.filter((rank) => rank <= k).length / ranks.length;
}

/** Mean share of the ten nearest documents that two models agree on, over all queries. */
export function overlapAt10(left: RetrievalTask, right: RetrievalTask): number {
  const count = left.queries.length / left.dimensions;
  let shared = 0;
  for (let query = 0; query < count; query++) {
    const nearest = new Set(nearest10(scoresOf(left, query)));
    shared += nearest10(scoresOf(right, query)).filter((document) => nearest.has(document)).length;
  }
  return shared / (10 * count);
}

/** Dot product of each query with the document of its position. */
export const pairScores = ({ dimensions, queries, documents }: RetrievalTask): number[] =>
  Array.from({ length: queries.length / dimensions }, (_, row) => {
    let score = 0;
    for (let d = row * dimensions; d < (row + 1) * dimensions; d++) score += queries[d]! * documents[d]!;
    return score;
  });

/** Dot product of one query with every document. */
function scoresOf({ queries, documents, dimensions }: RetrievalTask, query: number): Float64Array {
  const scores = new Float64Array(documents.length / dimensions);
  for (let document = 0; document < scores.length; document++) {
    let score = 0;
    for (let d = 0; d < dimensions; d++) score += queries[query * dimensions + d]! * documents[document * dimensions + d]!;
    scores[document] = score;
  }
  return scores;
}

function nearest10(scores: Float64Array): number[] {
  return Array.from(scores.keys())
    .toSorted((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, 10);
}
