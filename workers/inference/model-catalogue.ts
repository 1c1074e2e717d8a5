import { parseModelCatalogue } from '../../src/inference/model-manifest.ts';
import gloveSif100 from '../gateway/public/models/glove-sif-100/manifest.json' with { type: 'json' };

/** The models this deployment serves. Bundled, so that what a model is needs no fetch and its file is held to the hash in the code. */
export const MODEL_CATALOGUE = parseModelCatalogue(gloveSif100);
