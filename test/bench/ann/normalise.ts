/** Scales every row to unit length, in place; rows of zeros stay as they are. */
export function normalise(values: Float32Array<ArrayBuffer>, dimensions: number): Float32Array<ArrayBuffer> {
  for (let start = 0; start < values.length; start += dimensions) {
    const row = values.subarray(start, start + dimensions);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (length > 0) for (let i = 0; i < dimensions; i += 1) row[i] = (row[i] ?? 0) / length;
  }
  return values;
}
