import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { contractHash } from '../../../src/inference/embedding-contract.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { parseModelCatalogue } from '../../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../../src/inference/static-model.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { command } from '../command.ts';
import type { Recipe } from './build.ts';
import { MODEL_FOLDER, MODELS_FOLDER } from './glove-sif-100.ts';

/** `sluice models verify`: the committed file is the one its manifest and its recipe name, and it opens. */
export const verify = () => command('verify', 'Checks the committed model against its manifest and recipe.').action(verifyAll);

async function verifyAll(): Promise<void> {
  const recipe = (await readJson('recipe.json')) as Recipe;
  let problems = 0;
  for (const manifest of parseModelCatalogue(await readJson('manifest.json'))) {
    const found = await problemsOf(manifest, recipe);
    for (const problem of found) console.error(`${manifest.id}: ${problem}`);
    if (found.length === 0) console.log(`${manifest.id}@${manifest.version}: ${manifest.file.path} verified, ${manifest.file.sha256}`);
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

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(MODEL_FOLDER, name), 'utf8'));
}
