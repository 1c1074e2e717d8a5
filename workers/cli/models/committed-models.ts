import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { pinnedName } from '../../../src/contract/api/model-name.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { parseModelCatalogue } from '../../../src/inference/model-manifest.ts';
import type { StaticModel } from '../../../src/inference/static/static-model.ts';
import { openStaticModel, readStaticTable } from '../../../src/inference/static/static-model.ts';
import { Vocabulary } from '../../../src/inference/static/vocabulary.ts';
import { WordTokeniser } from '../../../src/inference/static/word-tokeniser.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { BGE_STATIC_256 } from './bge-static-256.ts';
import { GLOVE_SIF_100, MODELS_FOLDER } from './glove-sif-100.ts';
import { MULTILINGUAL_E5_STATIC_256 } from './multilingual-e5-static-256.ts';

export interface CommittedModel {
  readonly name: string;
  readonly model: StaticModel;
  /** What the rules of the first model make of texts with its vocabulary: which words that has. */
  readonly words: WordTokeniser;
}

/** The models of the deployment, the default last. */
export async function readManifests(): Promise<readonly ModelManifest[]> {
  return (await Promise.all([GLOVE_SIF_100.id, MULTILINGUAL_E5_STATIC_256.id, BGE_STATIC_256.id].map(catalogueOf))).flat();
}

const catalogueOf = async (id: string): Promise<readonly ModelManifest[]> =>
  parseModelCatalogue(JSON.parse(await readFile(join(MODELS_FOLDER, id, 'manifest.json'), 'utf8')));

/** Those that the gateway computes itself, the oldest first. */
export async function readCommitted(): Promise<CommittedModel[]> {
  const manifests = (await readManifests()).filter(({ runner }) => runner === 'static');
  return Promise.all(
    manifests.map(async (manifest) => {
      const file = new Uint8Array(await readFile(join(MODELS_FOLDER, manifest.file.path)));
      const [table, model] = [readStaticTable(file), openStaticModel(manifest, file)];
      assert(table.ok && model.ok, `${manifest.file.path} opens`);
      const words = new WordTokeniser(new Vocabulary(table.value.vocabulary));
      return { name: pinnedName(manifest), model: model.value, words };
    }),
  );
}
