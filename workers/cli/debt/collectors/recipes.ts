import * as z from 'zod';

import { buildRecipe } from '../../../../src/contract/debt/build-recipe.ts';
import { provenanceStatement } from '../../../../src/contract/debt/provenance.ts';
import { indexIn } from '../../../../src/debt/provenance.ts';
import { isScript, provenanceFileOf, recipeOfScript } from '../recipes/script-recipe.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter, OWN_TOOL, sha256Of } from './collection.ts';
import type { InputFile } from './input-files.ts';
import { anyJsonOf, committedBytes, committedText, inputFiles, jsonOf } from './input-files.ts';

const recipe = z.looseObject({
  inputs: z.array(z.looseObject({ uri: z.string().optional(), path: z.string().optional(), sha256: z.string().optional() })),
});
/** A year: a recipe is to be run again though nothing in it changed, because what it runs on does. */
const RERUN_TTL_S = 365 * 86_400;

/** Inputs of recipes and what they are pinned to, and how far outputs were the same when the recipe was run again. */
export const recipes: Collector = async (collection) => {
  const inputs = await inputFiles(collection, collection.policy.inputs.recipes);
  const [first] = inputs;
  if (first === undefined) return [];
  const writer = new FactWriter(collection);
  for (const input of inputs) {
    for (const { uri, path, sha256 = '' } of (await described(collection, input)).inputs) {
      writer.write('recipe-input', input.file, /^[0-9a-f]{64}$/.test(sha256) ? sha256 : '', input, { symbol: uri ?? path ?? '' });
    }
  }
  writer.census('reproducibility', inputs.length, first);
  const facts = [...writer.facts];
  for (const input of inputs) facts.push(...(await rerunOf(collection, input)));
  return facts;
};

/** What a recipe says of its inputs; a script says it in its text. */
async function described(collection: Collection, input: InputFile): Promise<z.output<typeof recipe>> {
  return isScript(input.file) ? scriptOf(collection, input) : jsonOf(input, recipe);
}

async function scriptOf(collection: Collection, { file, text }: InputFile) {
  const hashes = new Map<string, string>();
  for (const { path } of collection.sources.tracked) {
    if (!text.includes(path)) continue;
    const committed = await committedBytes(collection, path);
    if (committed !== undefined) hashes.set(path, sha256Of(committed));
  }
  return recipeOfScript(file, text, (path) => hashes.get(path));
}

/** The index of a recipe by the statement beside it; 0 if there is none about the outputs that the recipe names. */
async function rerunOf(collection: Collection, input: InputFile) {
  const known = buildRecipe.safeParse(isScript(input.file) ? await scriptOf(collection, input) : anyJsonOf(input));
  // One without outputs cannot be compared.
  if (!known.success) return [];
  const file = provenanceFileOf(input.file);
  const text = await committedText(collection, file);
  const statement = text === undefined ? undefined : jsonOf({ file, text, sha256: sha256Of(text), writtenAtS: 0 }, provenanceStatement);
  const index = statement === undefined ? undefined : indexIn(statement, known.data.outputs);
  if (text === undefined || statement === undefined || index === undefined) {
    const writer = new FactWriter(collection);
    writer.write('reproducibility', input.file, 0, input, { detail: { 'was never run again': true } });
    return writer.facts;
  }
  const { startedOn, finishedOn } = statement.predicate.runDetails.metadata;
  const nowS = Math.floor(Date.parse(finishedOn) / 1_000);
  const writer = new FactWriter({ ...collection, nowS }, OWN_TOOL, RERUN_TTL_S);
  const run_minutes = (Date.parse(finishedOn) - Date.parse(startedOn)) / 60_000;
  writer.write('reproducibility', input.file, index, { file, sha256: sha256Of(text) }, { detail: { run_minutes } });
  return writer.facts;
}
