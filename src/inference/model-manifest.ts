import * as z from 'zod';

import type { Outcome } from '../contract/api/outcome.ts';
import { pinnedName } from '../contract/api/model-name.ts';
import { refuse } from '../contract/api/outcome.ts';
import { sha256Hex } from '../kernel/bytes.ts';
import { ok } from '../kernel/result.ts';

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
  /** nDCG@10 in retrieval as a share of what BM25 reaches on the same collections. Absent: it was not measured. [M213] */
  retrievalQuality: z.number().positive().optional(),
  /** `path` is relative to the folder of all models. */
  file: z.strictObject({ path: z.string().min(1), bytes: z.int().positive(), sha256: hexDigest }),
  /** Seconds since the Unix epoch. */
  createdS: z.int().positive(),
  ownedBy: z.string().min(1),
});

/** The contents of a `manifest.json`: the models made of the files in its folder. */
const modelCatalogue = z.strictObject({ models: z.array(modelManifest).min(1) });

export type ModelManifest = Readonly<z.infer<typeof modelManifest>>;

/**
 * The version that `name` stands for: the one behind its `@`, or else the newest, which a catalogue lists last. Something pinned to an embedding
 * contract goes on with the version of the name that has it, however many came since.
 */
export function findVersion(catalogue: readonly ModelManifest[], name: string, contractHash?: string): ModelManifest | undefined {
  const named = catalogue.filter((manifest) => name === manifest.id || name === pinnedName(manifest));
  return named.find((manifest) => manifest.contractHash === contractHash) ?? named.at(-1);
}

/** Checks the contents of a `manifest.json`. It is part of the deployment, so a malformed one is a defect and throws. */
export const parseModelCatalogue = (json: unknown): readonly ModelManifest[] => modelCatalogue.parse(json).models;

/** Where the files of models come from, by their path in the folder of all models. `undefined`: the file is not there, or its store does not answer. */
export interface ModelFiles {
  read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** The file of a model. Bytes other than the manifest's are refused as retryable: a deployment may be half way through. */
export async function readModelFile(files: ModelFiles, { id, file }: ModelManifest): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
  const bytes = await files.read(file.path);
  if (bytes === undefined) return refuse('unavailable', `the file of model ${id} cannot be read`);
  if (bytes.length !== file.bytes || (await sha256Hex(bytes)) !== file.sha256)
    return refuse('unavailable', `the file of model ${id} does not match its manifest`);
  return ok(bytes);
}
