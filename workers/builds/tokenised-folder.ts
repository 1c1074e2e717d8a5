import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { isFolderConfig } from '../../src/inference/folder/folder-files.ts';
import { readModelFolder } from '../../src/inference/folder/read-model-folder.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from '../../src/inference/served/contract-hash.ts';
import type { ModelReading } from '../../src/inference/served-manifest.ts';
import { messageOf } from '../../src/contract/errors.ts';
import { UnusableInput } from './build-error.ts';
import type { ModelFolder } from './model-folder.ts';

/** A folder with a tokeniser file: how its model is used, and the small files that say so. */
export interface TokenisedFolder {
  readonly reading: ModelReading;
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Undefined: the folder has no tokeniser file. Throws where the folder says nothing that is served. */
export function tokenisedFolder(folder: ModelFolder): TokenisedFolder | undefined {
  const { root, graphPath, others } = folder;
  if (!others.includes(TOKENISER_FILE)) return undefined;
  const wanted = others.filter((path) => path === TOKENISER_FILE || path === TOKENISER_CONFIG_FILE || isFolderConfig(path));
  const files = new Map(wanted.map((path) => [path, new Uint8Array(readFileSync(join(root, path)))]));
  if (folder.reading !== undefined) return { reading: folder.reading, files };
  const part = readModelFolder(new Map<string, Uint8Array | undefined>([...files, [graphPath, undefined]]), { graph: graphPath }, []);
  if (!part.ok) throw new UnusableInput(`${root}: ${messageOf(part.error)}.`);
  return { reading: { ...part.value, externalData: [] }, files };
}
