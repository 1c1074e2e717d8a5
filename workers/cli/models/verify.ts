import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { pinnedName } from '../../../src/contract/api/model-name.ts';
import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../../src/inference/static/static-model.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { command } from '../command/command.ts';
import type { Recipe } from './build.ts';
import { readManifests } from './committed-models.ts';
import { MODELS_FOLDER } from './glove-sif-100.ts';

/** `sluice models verify`: the committed files are those that their manifests and recipes name, and they open. */
export const verify = () => command('verify', 'Checks the committed models against their manifests and recipes.').action(verifyAll);

async function verifyAll(): Promise<void> {
  let problems = 0;
  for (const manifest of await readManifests()) {
    const name = pinnedName(manifest);
    const found = await problemsOf(manifest, await readRecipe(manifest));
    for (const problem of found) console.error(`${name}: ${problem}`);
    if (found.length === 0) console.log(`${name}: ${manifest.file.path} verified, ${manifest.file.sha256}`);
    problems += found.length;
  }
  if (problems > 0) process.exitCode = 1;
}

async function problemsOf(manifest: ModelManifest, recipe: Recipe): Promise<string[]> {
  const { path, sha256 } = manifest.file;
  const bytes = new Uint8Array(await readFile(join(MODELS_FOLDER, path)));
  const model = openStaticModel(manifest, bytes);
  const checks: [holds: boolean, problem: string][] = [
    [(await sha256Hex(bytes)) === sha256, `${path} is not the file of the manifest`],
    [recipe.outputs.some((output) => output.path === path && output.sha256 === sha256), `the recipe does not make ${path}`],
    [recipe.contract.modelSha256 === sha256, 'the contract names another file'],
    [(await contractHash(recipe.contract)) === manifest.contractHash, "the manifest's contract is not the recipe's"],
    [model.ok, model.ok ? '' : model.error.reason],
  ];
  return checks.filter(([holds]) => !holds).map(([, problem]) => problem);
}

/** The recipe that made the file of a manifest: the one beside it. */
async function readRecipe({ file }: ModelManifest): Promise<Recipe> {
  return JSON.parse(await readFile(join(MODELS_FOLDER, dirname(file.path), 'recipe.json'), 'utf8')) as Recipe;
}
