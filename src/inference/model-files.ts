import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import { sha256Hex } from '../kernel/bytes.ts';
import { ok } from '../kernel/result.ts';
import type { ModelManifest } from './model-manifest.ts';

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
