import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { must } from '../../src/kernel/assert.ts';
import { parseModelCatalogue } from '../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../src/inference/static-model.ts';
import { MODEL_FOLDER, MODELS_FOLDER } from '../../workers/cli/models/glove-sif-100.ts';

const catalogue = parseModelCatalogue(JSON.parse(readFileSync(join(MODEL_FOLDER, 'manifest.json'), 'utf8')));

/** The committed manifest of the model that `runner` runs. */
export const manifestOf = (runner: 'static' | 'onnx') =>
  must(
    catalogue.find((manifest) => manifest.runner === runner),
    `the catalogue has a model for ${runner}`,
  );

export const modelFile = new Uint8Array(readFileSync(join(MODELS_FOLDER, manifestOf('static').file.path)));

const opened = openStaticModel(manifestOf('static'), modelFile);
if (!opened.ok) throw new Error(opened.error.reason);

/** The committed default model. */
export const defaultModel = opened.value;
