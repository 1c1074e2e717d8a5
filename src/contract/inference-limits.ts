/** Limits of calls that embed texts or rank them. See `LIMITS`. */
export const INFERENCE_LIMITS = {
  // OpenAI's own limit on one call: clients split their batches by it.
  embeddingInputsMaxCount: 2_048,
  // As Cohere's; with the query they are fewer than `embeddingInputsMaxCount`.
  rerankDocumentsMaxCount: 1_000,
  // Tokens of one ONNX run, padding included: each costs about 0.9 kB of WebAssembly memory, so 15 MB of the isolate's 128.
  onnxRunTokensMax: 16_384,
  // OpenAI's own limits on one call.
  embeddingTokensMaxCount: 300_000,
  // A text is a passage, not a book: tokenising takes time linear in it, and vectors of more mean little.
  embeddingTextCharsMax: 262_144,
} as const;
