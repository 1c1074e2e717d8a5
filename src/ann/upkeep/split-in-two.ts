const ITERATIONS = 6;

/**
 * Two centroids of prepared vectors, by Lloyd's iterations from two vectors that lie far apart; undefined when they do not differ.
 * [count x dimensions]
 */
export function splitInTwo(values: Float32Array, dimensions: number): [Float32Array, Float32Array] | undefined {
  const count = values.length / dimensions;
  const vector = (i: number): Float32Array => values.subarray(i * dimensions, (i + 1) * dimensions);
  const first = vector(farthest(values, dimensions, mean(values, dimensions)));
  let centroids: [Float32Array, Float32Array] = [first, vector(farthest(values, dimensions, first))];
  if (squaredDistance(...centroids) === 0) return undefined;
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const sides: [number[], number[]] = [[], []];
    for (let i = 0; i < count; i += 1) {
      const x = vector(i);
      sides[squaredDistance(x, centroids[0]) <= squaredDistance(x, centroids[1]) ? 0 : 1].push(i);
    }
    if (sides[0].length === 0 || sides[1].length === 0) return centroids;
    const [a, b] = sides.map((side) => meanOf(side.map(vector), dimensions));
    centroids = [a!, b!];
  }
  return centroids;
}

function farthest(values: Float32Array, dimensions: number, from: Float32Array): number {
  let [found, largest] = [0, -1];
  for (let i = 0; i < values.length / dimensions; i += 1) {
    const distance = squaredDistance(values.subarray(i * dimensions, (i + 1) * dimensions), from);
    if (distance > largest) [found, largest] = [i, distance];
  }
  return found;
}

const mean = (values: Float32Array, dimensions: number): Float32Array =>
  meanOf(
    Array.from({ length: values.length / dimensions }, (_, i) => values.subarray(i * dimensions, (i + 1) * dimensions)),
    dimensions,
  );

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
