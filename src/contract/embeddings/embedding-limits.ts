/** Limits of what is embedded, reranked and classified: of texts, their tokens and their number. */
export const EMBEDDING_LIMITS = {
  // OpenAI's own limit on one call: clients split their batches by it.
  embeddingInputsMaxCount: 2_048,
  // As Cohere's; with the query they are fewer than `embeddingInputsMaxCount`.
  rerankDocumentsMaxCount: 1_000,
  // OpenAI's own limits on one call.
  embeddingTokensMaxCount: 300_000,
  // Ids of all texts of a call, of which an unknown word has up to 34: 8 MB, of which the gateway's isolate keeps three copies for a moment.
  embeddingIdsMaxCount: 2_097_152,
  // Numbers of the sparse or token vectors of a call: 8 MB as floats, some 25 MB as JSON. Token vectors of 384 numbers are those of 5,461 tokens.
  embeddingNumbersMaxCount: 2_097_152,
  // A text is a passage, not a book: tokenising takes time linear in it, and vectors of more mean little.
  embeddingTextCharsMax: 262_144,
} as const;
