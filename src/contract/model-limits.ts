/** Limits of models, of calls to them, and of their registry. See `LIMITS`. */
export const MODEL_LIMITS = {
  // A model that could not be loaded is not asked for again for this long: its file is megabytes, and a crowd asks at once.
  modelRetryMs: 1_000,
  // How old the version of a model may be that an isolate believes to serve.
  modelRouteFreshMs: 1_000,
  // For how long an isolate serves what it knows while the registry does not answer.
  modelRouteStaleMs: 300_000,
  // Routes of models that an isolate keeps: each has a manifest of up to `modelManifestBytesMax`, mostly of 2 kB.
  modelRoutesMaxCount: 256,
  // Of all of them together, in an isolate of 128 MB.
  modelRoutesBytesMax: 4 * 1024 * 1024,
  // Texts of one call of the inference Worker, and their tokens at most: those of other requests run between two calls. The most short texts of a
  // request are 29 calls: the platform has 32 invocations of Workers take part in one.
  modelChunkTextsCount: 72,
  // As above: half of what one call of the inference Worker takes.
  modelChunkTokensMax: 32_768,
  // A graph is loaded, checked and run once within this time.
  modelVerifyTimeoutMs: 60_000,
  // One call of the inference Worker that embeds, with the load of a model that is not resident.
  modelCallTimeoutMs: 30_000,
  // What an isolate computes of one token for each byte of weights, in picoseconds: 65,536 tokens of 20 MB of weights take some 30 s.
  edgePsPerTokenByte: 23,
  // What one call of the inference Worker may compute, as bounded before it runs: nothing interrupts it, and its isolate serves nothing else
  // meanwhile. As long as callers wait (`modelCallTimeoutMs`); what is bounded so takes a half to a tenth of it.
  runBoundMsMax: 30_000,
  // What a call of a replica takes besides computing: two more machines. What an isolate computes faster does not go there.
  replicaCallMs: 50,
  // A graph and its weights that an isolate loads. Meanwhile the isolate has its bytes and, once more, the runtime's copy of them (`modelLoadBytesMax`).
  graphBytesMax: 42 * 1024 * 1024,
  // The same of an embedding model, whose products the runtime lays out a second time: a larger one runs on pools.
  edgeEmbedderBytesMax: 28 * 1024 * 1024,
  // What an isolate of the gateway knows of a tenant's replicas is as old: as `replicaViewMs`.
  modelReplicasViewMs: 1_000,
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
} as const;
