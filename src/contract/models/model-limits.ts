/** Limits of models, of calls to them, of registering them, and of the ONNX graphs in them. */
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
  // What one run of a graph may compute in an isolate, as bounded before it begins: nothing interrupts it, and its isolate serves nothing else
  // meanwhile. Networks that are bounded so take a third to an eighth of it.
  runBoundMsMax: 250,
  // A model whose texts of so many tokens, some five words, may take longer than that runs on pools alone.
  edgeTextTokensMin: 8,
  // What all runs of one call may compute: others have their turn between two of them. As long as callers wait (`modelCallTimeoutMs`).
  callBoundMsMax: 30_000,
  // What a call of a replica takes besides computing: two more machines. What an isolate computes faster does not go there.
  replicaCallMs: 50,
  // A replica that has failed is not tried again for so long: what it failed of is seldom gone at once.
  standingRetryMs: 60_000,
  // Calls of a replica that one request has under way: as many as keep a few cores busy, and fewer than an invocation may have (6).
  replicaCallsAtOnceMax: 4,
  // A graph and its weights that an isolate loads. Meanwhile the isolate has its bytes and, once more, the runtime's copy of them (`modelLoadBytesMax`).
  graphBytesMax: 42 * 1024 * 1024,
  // The same of an embedding model, whose products the runtime lays out a second time: a larger one runs on pools.
  edgeEmbedderBytesMax: 28 * 1024 * 1024,
  // The same of an encoder that the engine of our own computes: its weights are in memory once, and read piece by piece.
  edgeEncoderBytesMax: 64 * 1024 * 1024,
  // What an isolate of the gateway knows of a tenant's replicas is as old: as `replicaViewMs`.
  modelReplicasViewMs: 1_000,
  // Tokens of one ONNX run, padding included: each costs about 0.9 kB of WebAssembly memory, so 15 MB of the isolate's 128.
  onnxRunTokensMax: 16_384,
  // What the runtime takes of a tensor's dimensions.
  tensorRankMax: 8,
  // Texts of one call for a registered model.
  modelTextsMaxCount: 256,
  // Named tensors of one call, and of its answer.
  inferTensorsMaxCount: 64,
  // Inputs of one call, or its outputs, are in the isolate twice: as message, and in the runtime.
  inferBytesMax: 8 * 1024 * 1024,
  // Of one version: a Hugging Face folder has some ten.
  modelFilesMaxCount: 64,
  // Of all files of a version: what one upload may have. Whether it fits into an isolate is checked before it serves.
  modelBytesMax: 2 * 1024 * 1024 * 1024,
  // Recipe, evaluation, labels and prompts: part of one row, and of every call of the inference Worker.
  modelManifestBytesMax: 256 * 1024,
  // A sentence or two.
  promotionReasonCharsMax: 512,
  // A path within the folder of a model.
  modelPathCharsMax: 256,
  // The least cosine between the vectors of two versions, for each probe text, at which they count as of one embedding contract.
  // Int8 variants of encoders lie at 0.99 and above; other models near 0.
  modelProbeCosineMin: 0.98,
  // Of one model, retired ones too: their manifests stay as its lineage.
  modelVersionsMaxCount: 1_000,
  // Of one owner: more names than people keep apart, and one answer of the list holds a page of them.
  modelsMaxCount: 1_000,
  // Of one owner: each is looked up at most once a second by every isolate.
  modelAliasesMaxCount: 1_000,
  // Events of one model that are kept, the newest.
  modelHistoryMaxCount: 1_000,
  // Announced files that became part of no version are removed after this time: longer than any upload of them takes.
  modelAnnouncedMs: 3_600_000,
  // Twice `inferBytesMax`: as JSON a value takes more characters than it has bytes.
  inferBodyBytesMax: 16 * 1024 * 1024,
  // The largest encoders have some 3,000; each costs the reader some 500 bytes.
  graphNodesMaxCount: 20_000,
  // Constant tensors of a graph with its subgraphs, as many as nodes may read them.
  graphTensorsMaxCount: 20_000,
  // Branches within branches: exporters nest them twice.
  graphDepthMax: 8,
  // Named inputs or outputs of a graph: encoders have three, detectors five.
  graphPortsMaxCount: 64,
  // Of a graph without its large constants: encoders have some hundred kilobytes.
  detachedGraphBytesMax: 8 * 1024 * 1024,
  // Opset of ONNX that the runtime knows at most.
  graphOpsetMax: 25,
  // Linear memory of the runtime, with all models that are loaded and the batch that runs: an allocation beyond it is refused inside the
  // runtime, which goes on. It never shrinks.
  runtimeBytesMax: 80 * 1024 * 1024,
  // The files of a model while it loads, and the runtime's memory then: with the runtime's code of 14 MB, a snapshot of 5 and tokenisers this is what
  // an isolate of 128 MB has. With files of 28 MB the runtime may have all of `runtimeBytesMax`, with larger ones less.
  modelLoadBytesMax: 108 * 1024 * 1024,
  // A run that found no room there costs all models of the isolate their sessions: for so long its owner's runs of half its size, or more, are
  // refused.
  runCeilingMs: 10_000,
  // Of registered models, loaded at once; the rest of `runtimeBytesMax` is for the runtime's own 16 MB and the batch that runs.
  loadedModelsBytesMax: 56 * 1024 * 1024,
  // Of registered models that the encoder engine computes, with the longest text and their tokenisers: what an isolate has beside the code of the runtime
  // while that holds no model. Where it does, they have what is left of `modelLoadBytesMax`.
  loadedEncodersBytesMax: 88 * 1024 * 1024,
  // A model is loaded behind the last calls of those that make room for it, if these end within this time.
  encoderLeaveMs: 10_000,
  // A run that takes no step for so long was ended midway: a step takes some milliseconds, and those of all others come in between.
  encoderQuietMs: 2_000,
  // Sessions hold small objects that the estimate of their bytes does not count.
  loadedModelsMaxCount: 16,
  // A vocabulary of 30,000 words is 700 kB, of 250,000 pieces 9 MB, or 17 with indents. While its compact form is made, the file is in memory.
  tokeniserBytesMax: 24 * 1024 * 1024,
  // What is in such a file beside the vocabulary and its merges: a map of characters is 320 kB, a thousand added tokens 150.
  tokeniserStepsBytesMax: 1024 * 1024,
  // The largest vocabulary of such a file: of the encoders for a hundred languages, 250,002.
  tokeniserVocabularyMaxCount: 262_144,
  // Pairs that a byte-pair encoding merges: mostly as many as tokens.
  tokeniserMergesMaxCount: 524_288,
  // Of the compact form in memory: that of 250,000 pieces has 7 MB, of a byte-pair encoding of 150,000 as much.
  tokeniserFormBytesMax: 12 * 1024 * 1024,
  // Steps of a tokeniser (normalisers, splitters, post-processors), however they are nested.
  tokeniserStepsMaxCount: 32,
  // As many as such files have; each is looked for at each character.
  tokeniserAddedTokensMaxCount: 1_024,
  // A configuration is some kilobytes; the labels of the largest classifiers some hundred.
  modelConfigBytesMax: 512 * 1024,
  // Deeper JSON is never a configuration, and its readers recurse.
  modelConfigDepthMax: 32,
  // The longest text of a registered model in tokens: attention takes time and memory with its square.
  modelTokensMax: 8_192,
  // A token of a real text has three to five characters. Tokenisers take time up to the square of a text.
  modelCharsPerToken: 16,
  // Of a text that is to be cut so many are read, where the first `modelCharsPerToken` a token do not end between two words, or are too few tokens: 10 ms.
  modelCutCharsMax: 32_768,
  // A prompt is a sentence of instructions.
  modelPromptCharsMax: 1_024,
  // As many as classifiers of products have.
  modelLabelsMaxCount: 10_000,
  // Tokens of one run, padding included. Attention of a text of 512 tokens with 12 heads takes 13 MB, so that four of them fit.
  modelRunTokensMax: 2_048,
  // Logits of texts that a sparse encoder runs together: 137 tokens of a vocabulary of 30,522. The runtime has two or three times as much meanwhile.
  sparseRunBytesMax: 16 * 1024 * 1024,
  // Texts of several requests that run together: beyond it another text costs as much as alone.
  modelBatchTextsMaxCount: 16,
  // Their tokens together: longer texts use the whole processor by themselves, and wait for nothing.
  modelBatchTokensMax: 512,
  // For so long a text waits for those of other requests; a run takes some milliseconds.
  modelBatchWaitMs: 2,
  // It waits only if the request before it came at most so long ago: else no other is likely to come.
  modelBatchQuietMs: 20,
  // What a run of such a batch takes at most: a request with less time left runs alone.
  modelBatchRunMaxMs: 1_000,
  // Tokens of one call: some 30 s of an encoder of 20 M weights, as long as callers wait.
  modelCallTokensMax: 65_536,
} as const;
