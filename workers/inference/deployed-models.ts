import type { ModelFiles, ModelManifest } from '../../src/inference/model-manifest.ts';
import { parseModelCatalogue } from '../../src/inference/model-manifest.ts';
import { must } from '../../src/kernel/assert.ts';
import bgeStatic256 from '../gateway/public/models/bge-static-256/manifest.json' with { type: 'json' };
import gloveSif100 from '../gateway/public/models/glove-sif-100/manifest.json' with { type: 'json' };
import multilingualE5Static256 from '../gateway/public/models/multilingual-e5-static-256/manifest.json' with { type: 'json' };

/** The models this deployment serves. Bundled, so that what a model is needs no fetch and its file is held to the hash in the code. */
export const MODEL_CATALOGUE = [gloveSif100, multilingualE5Static256, bgeStatic256].flatMap(parseModelCatalogue);

/** The default: the last of the models that the gateway computes itself. */
export const STATIC_MODEL: ModelManifest = must(
  MODEL_CATALOGUE.findLast(({ runner }) => runner === 'static'),
  'the catalogue has a static model',
);

/** The models among the deployment's static assets. */
export function assetFiles(assets: Pick<Fetcher, 'fetch'>): ModelFiles {
  return {
    async read(path) {
      // Only the path counts: the binding answers from the deployment's own files.
      const response = await assets.fetch(`https://assets/models/${path}`);
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      await response.body?.cancel();
      return undefined;
    },
  };
}
