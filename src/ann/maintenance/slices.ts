// A slice reads, assigns and encodes this many components: about 8 ms.
const SLICE_COMPONENTS = 24_000;
const SLICE_VECTORS_MAX = 256;
const SLICE_VECTORS_MIN = 4;

/** How many vectors a slice of background work takes. */
export const sliceVectors = (dimensions: number): number =>
  Math.max(SLICE_VECTORS_MIN, Math.min(SLICE_VECTORS_MAX, Math.floor(SLICE_COMPONENTS / dimensions)));

export function* inSlices<T>(items: readonly T[], dimensions: number): Generator<readonly T[]> {
  const count = sliceVectors(dimensions);
  for (let start = 0; start < items.length; start += count) yield items.slice(start, start + count);
}
