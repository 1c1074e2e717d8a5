/** Limits of registering models, and of calls that run their tensors. Of what runs their graphs: `GRAPH_LIMITS`. See `LIMITS`. */
export const REGISTERED_MODEL_LIMITS = {
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
  // Names of tensors, and the id of a call of `/v2`: exporters make paths of modules, some 100 characters.
  tensorNameCharsMax: 256,
  // Twice `inferBytesMax`: as JSON a value takes more characters than it has bytes.
  inferBodyBytesMax: 16 * 1024 * 1024,
} as const;
