/** Limits of registered models and of the ONNX graphs in them. See `LIMITS`. */
export const GRAPH_LIMITS = {
  // The largest encoders have some 3,000; each costs the reader some 500 bytes.
  graphNodesMaxCount: 20_000,
  // Constant tensors of a graph with its subgraphs, as many as nodes may read them.
  graphTensorsMaxCount: 20_000,
  // Branches within branches: exporters nest them twice.
  graphDepthMax: 8,
  // Named inputs or outputs of a graph: encoders have three, detectors five.
  graphPortsMaxCount: 64,
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
  // Sessions hold small objects that the estimate of their bytes does not count.
  loadedModelsMaxCount: 16,
  // A vocabulary of 30,000 words is 700 kB, of 50,000 with merges 2 MB; in memory it takes some five times as much.
  tokeniserBytesMax: 3 * 1024 * 1024,
  // The largest vocabulary of such a file.
  tokeniserVocabularyMaxCount: 128_000,
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
  // A prompt is a sentence of instructions.
  modelPromptCharsMax: 1_024,
  // As many as classifiers of products have.
  modelLabelsMaxCount: 10_000,
  // Tokens of one run, padding included. Attention of a text of 512 tokens with 12 heads takes 13 MB, so that four of them fit.
  modelRunTokensMax: 2_048,
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
