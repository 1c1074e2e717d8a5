import { shownName } from '../../contract/api/field-path.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import { isModelPath } from '../onnx/external-path.ts';
import { readingOf } from '../registry/version-manifest.ts';
import { servedContractHash } from './contract-hash.ts';
import type { ServedFile, ServedManifest } from '../served-manifest.ts';

/** Whether files are named as those of a folder are: below it, each once. [M53] */
export function checkFiles(files: readonly ServedFile[]): Outcome<void> {
  if (files.length > MODEL_LIMITS.modelFilesMaxCount)
    return refuseBeyond({ path: 'files', limit: 'modelFilesMaxCount', value: files.length, what: `are ${files.length}` });
  const paths = new Set<string>();
  for (const [i, { path }] of files.entries()) {
    if (path.length > MODEL_LIMITS.modelPathCharsMax)
      return refuseBeyond({
        path: ['files', i, 'path'],
        limit: 'modelPathCharsMax',
        value: path.length,
        what: `has ${path.length} characters`,
      });
    if (!isModelPath(path)) return refuse('invalid_value', 'is no path below the folder of the model', ['files', i, 'path']);
    if (paths.has(path)) return refuse('invalid_value', `names ${shownName(path)} twice`, ['files', i, 'path']);
    paths.add(path);
  }
  return ok(undefined);
}

/** Whether a manifest is whole: its files are a folder's, the graph is among them, and its hash is of what it says. [M58] */
export async function checkManifest(manifest: ServedManifest): Promise<Outcome<void>> {
  const { files, contractHash } = manifest;
  const checked = checkFiles(files);
  if (!checked.ok) return checked;
  for (const path of [manifest.graph, ...manifest.externalData])
    if (!files.some((file) => file.path === path)) return refuse('invalid_value', `hold no ${JSON.stringify(shownName(path))}`, 'files');
  if (manifest.tokensMax > MODEL_LIMITS.modelTokensMax)
    return refuseBeyond({ path: 'tokensMax', limit: 'modelTokensMax', value: manifest.tokensMax, what: `is ${manifest.tokensMax}` });
  return (await servedContractHash(readingOf(manifest), files)) === contractHash
    ? ok(undefined)
    : refuse('invalid_value', 'is not the hash of what the manifest says and of its files', 'contractHash');
}
