import * as z from 'zod';

const hexDigest = z.string().regex(/^[0-9a-f]{64}$/);

/** What runs a model: `static` in the gateway itself, `onnx` on the inference Worker. */
const runner = z.enum(['static', 'onnx']);

const modelManifest = z.strictObject({
  id: z.string().min(1),
  version: z.string().min(1),
  /** Length of its vectors. */
  dimensions: z.int().positive(),
  /** Token ids are `0 .. vocabularySize - 1`. */
  vocabularySize: z.int().positive(),
  runner,
  /** The longest text it takes. */
  tokensMax: z.int().positive(),
  /** See `EmbeddingContract`: models with the same hash have interchangeable vectors. */
  contractHash: hexDigest,
  /** `path` is relative to the folder of all models. */
  file: z.strictObject({ path: z.string().min(1), bytes: z.int().positive(), sha256: hexDigest }),
  /** Seconds since the Unix epoch. */
  createdS: z.int().positive(),
  ownedBy: z.string().min(1),
});

/** The contents of a `manifest.json`: the models made of the files in its folder. */
const modelCatalogue = z.strictObject({ models: z.array(modelManifest).min(1) });

export type ModelManifest = Readonly<z.infer<typeof modelManifest>>;

/** Checks the contents of a `manifest.json`. It is part of the deployment, so a malformed one is a defect and throws. */
export const parseModelCatalogue = (json: unknown): readonly ModelManifest[] => modelCatalogue.parse(json).models;
