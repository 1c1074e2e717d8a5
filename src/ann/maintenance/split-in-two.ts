const ITERATIONS = 6;
const ATTEMPTS = 4;

/**
 * Two centroids of prepared vectors that share them out, at least `countMin` each; undefined when none are found, as with vectors that
 * are equal. Between two iterations it yields. [count x dimensions]
 */
export function* splitInTwo(
  values: Float32Array,
  dimensions: number,
  countMin: number,
): Generator<undefined, [Float32Array, Float32Array] | undefined> {
  let vectors = Array.from({ length: values.length / dimensions }, (_, i) => values.subarray(i * dimensions, (i + 1) * dimensions));
  for (let attempt = 0; attempt < ATTEMPTS && vectors.length > 0; attempt += 1) {
    const sides = yield* sidesOf(vectors, dimensions);
    const [fewer, more] = sides[0].length < sides[1].length ? sides : [sides[1], sides[0]];
    if (fewer.length >= countMin) return [meanOf(sides[0], dimensions), meanOf(sides[1], dimensions)];
    if (fewer.length === 0) return undefined;
    // A few that lie far from all others are left out of account.
    vectors = more;
  }
  return undefined;
}

/** By Lloyd's iterations from two vectors that lie far apart; one side is empty when all are equal. */
function* sidesOf(vectors: readonly Float32Array[], dimensions: number): Generator<undefined, [Float32Array[], Float32Array[]]> {
  const first = farthest(vectors, meanOf(vectors, dimensions));
  let [one, other] = [first, farthest(vectors, first)];
  for (let iteration = 1; ; iteration += 1) {
    const sides: [Float32Array[], Float32Array[]] = [[], []];
    for (const vector of vectors) sides[squaredDistance(vector, one) <= squaredDistance(vector, other) ? 0 : 1].push(vector);
    if (iteration === ITERATIONS || sides[0].length === 0 || sides[1].length === 0) return sides;
    [one, other] = [meanOf(sides[0], dimensions), meanOf(sides[1], dimensions)];
    yield;
  }
}

/** At least one vector. */
function farthest(vectors: readonly Float32Array[], from: Float32Array): Float32Array {
  let [found, largest] = [from, -1];
  for (const vector of vectors) {
    const distance = squaredDistance(vector, from);
    if (distance > largest) [found, largest] = [vector, distance];
  }
  return found;
}

function meanOf(vectors: readonly Float32Array[], dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions);
  for (const vector of vectors) for (let i = 0; i < dimensions; i += 1) sums[i]! += vector[i]!;
  return Float32Array.from(sums, (sum) => sum / vectors.length);
}

export function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = a[i]! - b[i]!;
    sum += difference * difference;
  }
  return sum;
}
