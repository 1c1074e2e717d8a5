import { Option } from 'commander';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { HeldOutQuality } from '../../../src/inference/build/distil/nested-validation.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { Student, Teacher } from '../../builds/distil-student.ts';
import { distilStudent, readInput } from '../../builds/distil-student.ts';
import type { DerivedRecipe, ModelFolder } from '../../builds/model-folder.ts';
import { readModelFolder } from '../../builds/model-folder.ts';
import { textEmbedder } from '../../builds/text-embedder.ts';
import { command, UsageError, whole } from '../command/command.ts';
import { distilRecipe, RECIPE_NAMES } from './distil-recipe.ts';
import { GLOVE_SIF_100, MODEL_FOLDER } from './glove-sif-100.ts';

const { versions } = GLOVE_SIF_100;

interface DistilOptions {
  readonly texts: string;
  readonly field: string;
  readonly group?: string;
  readonly vectors?: string;
  readonly teacher?: string;
  readonly recipe?: string;
  readonly base: string;
  readonly words: number;
  readonly folds: number;
  readonly out: string;
}

/** `sluice models distil`. */
export const distil = () =>
  command('distil', 'Fits a static student to a teacher: one vector a word, as fast as the default model.')
    .requiredOption('--texts <file>', 'JSON lines, each with a text')
    .requiredOption('--out <dir>', 'an empty folder for the student, its recipe and its report')
    .option('--field <name>', 'of a line that has its text', 'text')
    .option('--group <name>', 'field of a line that names its document: texts of one are never split between folds')
    .option('--vectors <file>', "the teacher's vector of each line: float32, little-endian, end to end")
    .option('--teacher <dir>', 'a model folder that embeds the texts')
    .addOption(new Option('--recipe <name>', 'makes a model of the deployment again, from its --teacher').choices(RECIPE_NAMES))
    .option('--base <dir>', 'the static model whose words and vectors the student starts from', join(MODEL_FOLDER, versions.second.folder))
    .option('--words <count>', 'most frequent words of the base that the student keeps', whole(1, 1_000_000), 20_000)
    .option('--folds <count>', 'of the nested cross-validation', whole(2, 20), 5)
    .action(async (options: DistilOptions) => {
      // Before minutes of work.
      await emptyFolder(options.out);
      const { recipe, teacher: named } = options;
      if (recipe !== undefined) {
        if (named === undefined) throw new UsageError('A recipe needs the folder of its --teacher.');
        return distilRecipe({ ...options, recipe, teacher: named });
      }
      const base = await readModelFolder(options.base);
      const { teacher, close } = await teacherOf(options);
      const student = await distilStudent(base, teacher, options);
      await close();
      await writeStudent(options, base, student);
      print(student.quality);
    });

async function emptyFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if ((await readdir(path)).length > 0) throw new UsageError(`${path} is not empty.`);
}

async function teacherOf({ vectors, teacher }: DistilOptions): Promise<{ teacher: Teacher; close: () => Promise<void> }> {
  if (vectors !== undefined && teacher === undefined) return { teacher: { vectors }, close: () => Promise.resolve() };
  if (teacher === undefined || vectors !== undefined) throw new UsageError('Give either --vectors or --teacher.');
  const model = await textEmbedder(await readModelFolder(teacher));
  return { teacher: { model }, close: () => model.close() };
}

async function writeStudent(options: DistilOptions, base: ModelFolder, { file, quality, parameters, tokensMax }: Student): Promise<void> {
  const given = [options.texts, ...(options.vectors === undefined ? [] : [options.vectors])];
  const inputs = await Promise.all(given.map(async (path) => fileOf(path, await readInput(path))));
  const recipe: DerivedRecipe = {
    command: `sluice models distil --texts ${options.texts} --out ${options.out}`,
    node: process.version,
    inputs: [...inputs, ...base.inputs],
    parameters,
    outputs: [await fileOf('model.onnx', file)],
  };
  await writeFile(join(options.out, 'model.onnx'), file);
  // What `sluice models add` reads beside the graph: a student is as good as was measured on texts that are no longer.
  if (tokensMax !== undefined) await writeFile(join(options.out, 'sluice.json'), `${JSON.stringify({ tokens_max: tokensMax }, null, 2)}\n`);
  await writeFile(join(options.out, 'recipe.json'), `${JSON.stringify(recipe, null, 2)}\n`);
  await writeFile(join(options.out, 'report.json'), `${JSON.stringify({ heldOut: quality }, null, 2)}\n`);
}

const fileOf = async (path: string, bytes: Uint8Array) => ({ path, bytes: bytes.length, sha256: await sha256Hex(new Uint8Array(bytes)) });

function print({ texts, folds, recallAt10, recallAt10HeldOutIndex, cosine }: HeldOutQuality): void {
  console.log(`${texts} texts, ${folds} folds, each judged by a student that was chosen and fitted without it:`);
  console.log(
    `recall@10 in the teacher's own index: ${recallAt10.toFixed(3)} (of held-out texts alone: ${recallAt10HeldOutIndex.toFixed(3)})`,
  );
  console.log(`cosine with the teacher: ${cosine.toFixed(3)}`);
}
