/** Limits of what indexes have besides their dense vectors, and of what rows hold of it. */
export const FIELD_LIMITS = {
  // Each is an index of its own in every shard, which every write changes. Documents have few parts that are searched apart.
  fieldsPerIndexMaxCount: 16,
  // It stands in every row that has the field.
  fieldNameCharsMax: 64,
  // Weights are ratios between fields: of a thousand to one, nothing of the other is left.
  fieldWeightMax: 1_000,
  // Sparse encoders make some hundred numbers of a passage; a text of 64 KiB has no more different words.
  sparseNumbersMaxCount: 8_192,
  // 32 bits, as in Qdrant and Pinecone.
  sparseIndexMax: 4_294_967_295,
  // Of each vector of a token: encoders in use make 48 to 1,024.
  multiVectorDimensionsMaxCount: 1_024,
  // Of all vectors of one field of a row, a byte each: 1,365 tokens of 96 numbers. A stage over 100 candidates reads 13 MB of them at most.
  multiVectorNumbersMaxCount: 131_072,
  // All fields of a row, as JSON: with the longest vector, metadata and text beside them, a row stays below `rowBytesMax`.
  rowFieldsBytesMax: 524_288,
} as const;
