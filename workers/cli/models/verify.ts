import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { parseModelCatalogue } from '../../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../../src/inference/static-model.ts';
import type { Command } from '../command.ts';
import { MODEL_FOLDER } from './glove-sif-100.ts';
import type { Recipe } from './recipe.ts';

/** `sluice models verify`: the committed file is the one its manifest and its recipe name, and it opens. */
export const verify: Command = async (args) => {
  parseArgs({ args: [...args] });
  const problems: string[] = [];
  const recipe = (await readJson('recipe.json')) as Recipe;
  for (const manifest of parseModelCatalogue(await readJson('manifest.json'))) {
    const { path, sha256 } = manifest.file;
    const bytes = new Uint8Array(await readFile(join(MODEL_FOLDER, path)));
    if ((await sha256Hex(bytes)) !== sha256) problems.push(`${manifest.id}: ${path} is not the file of the manifest`);
    if (!recipe.outputs.some((output) => output.path === path && output.sha256 === sha256))
      problems.push(`${manifest.id}: the recipe does not make ${path}`);
    const model = openStaticModel(manifest, bytes);
    if (!model.ok) problems.push(`${manifest.id}: ${model.error.reason}`);
    console.log(`${manifest.id}@${manifest.version} ${manifest.runner} ${sha256} ${bytes.length} bytes`);
  }
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
};

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(MODEL_FOLDER, name), 'utf8'));
}
