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
  // Ids of all texts of a call, of which an unknown word has up to 34: 8 MB, of which the gateway's isolate keeps three copies for a moment.
  embeddingIdsMaxCount: 2_097_152,
  // A text is a passage, not a book: tokenising takes time linear in it, and vectors of more mean little.
  embeddingTextCharsMax: 262_144,
  // Names of tensors, and the id of a call of `/v2`: exporters make paths of modules, some 100 characters.
  tensorNameCharsMax: 256,
  // Twice `inferBytesMax`: as JSON a value takes more characters than it has bytes.
  inferBodyBytesMax: 16 * 1024 * 1024,
} as const;
