/** Vectors as rows of `dimensions` floats. */
export interface Vectors {
  readonly dimensions: number;
  readonly count: number;
  readonly values: Float32Array<ArrayBuffer>;
}

export const vectorAt = ({ dimensions, values }: Vectors, index: number): Float32Array<ArrayBuffer> =>
  values.subarray(index * dimensions, (index + 1) * dimensions);

export const vectorsOf = (dimensions: number, values: Float32Array<ArrayBuffer>): Vectors => ({
  dimensions,
  count: values.length / dimensions,
  values,
});
