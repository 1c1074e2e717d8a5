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
import { MODEL_FOLDER, MODELS_FOLDER } from './glove-sif-100.ts';

export interface CommittedModel {
  readonly name: string;
  readonly model: StaticModel;
  /** What the first version's tokeniser makes of texts: which words the vocabulary has. */
  readonly words: WordTokeniser;
}

export const readManifests = async (): Promise<readonly ModelManifest[]> =>
  parseModelCatalogue(JSON.parse(await readFile(join(MODEL_FOLDER, 'manifest.json'), 'utf8')));

/** The versions of the default model that the gateway computes itself, the oldest first. */
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
