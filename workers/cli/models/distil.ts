import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { fitStudent } from '../../../src/inference/build/distil/fit-student.ts';
import type { HeldOutQuality, SettingsGrid } from '../../../src/inference/build/distil/nested-validation.ts';
import { chooseSettings, DISTIL_GRID, heldOutQuality } from '../../../src/inference/build/distil/nested-validation.ts';
import { studentVocabulary } from '../../../src/inference/build/distil/student-vocabulary.ts';
import type { TeacherPairs } from '../../../src/inference/build/distil/student-kernel.ts';
import { quantiseRows } from '../../../src/inference/build/matrix.ts';
import { staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { command, Failure, UsageError, whole } from '../command.ts';
import { MODEL_FOLDER } from './glove-sif-100.ts';
import type { DerivedRecipe } from './model-folder.ts';
import { readModelFolder } from './model-folder.ts';
import { textEmbedder } from './text-embedder.ts';
import { writeOnnx } from './write-onnx.ts';

interface DistilOptions {
  readonly texts: string;
  readonly field: string;
  readonly group?: string;
  readonly vectors?: string;
  readonly teacher?: string;
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
    .option('--base <dir>', 'the static model whose words and vectors the student starts from', MODEL_FOLDER)
    .option('--words <count>', 'most frequent words of the base that the student keeps', whole(1, 1_000_000), 20_000)
    .option('--folds <count>', 'of the nested cross-validation', whole(2, 20), 5)
    .action(async (options: DistilOptions) => {
      // Before minutes of work.
      await emptyFolder(options.out);
      if ((options.vectors === undefined) === (options.teacher === undefined)) throw new UsageError('Give either --vectors or --teacher.');
      const student = await distilStudent(options, DISTIL_GRID);
      await writeStudent(options, student);
      print(student.quality);
    });

async function emptyFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if ((await readdir(path)).length > 0) throw new UsageError(`${path} is not empty.`);
}

async function distilStudent(options: DistilOptions, grid: SettingsGrid) {
  const { texts, groups } = await readTexts(options);
  const { dimensions, vectors } = await teacherVectors(options, texts);
  const base = staticGraph((await readModelFolder(options.base)).graph);
  if (base === undefined) throw new UsageError(`${options.base} is no static model with a vocabulary.`);
  const vocabulary = studentVocabulary(texts, base, options.words);
  const ids = texts.map((text) => vocabulary.tokeniser.tokenise(text).ids.filter((id) => id !== 0));
  const pairs: TeacherPairs = { vocabularySize: vocabulary.tokeniser.vocabularySize, texts: ids, dimensions, vectors };
  const { folds } = options;
  const quality = heldOutQuality(pairs, vocabulary.prior, grid, { folds, seed: 1, ...(groups === undefined ? {} : { groups }) });
  const rows = texts.map((_, row) => row);
  const settings = chooseSettings(pairs, rows, vocabulary.prior, grid);
  const table = fitStudent(pairs, rows, vocabulary.prior, settings).table();
  return { quality, settings, table, vocabulary, grid };
}

async function readTexts({ texts: path, field, group }: DistilOptions) {
  const lines = (await readInput(path)).toString('utf8').split('\n');
  const rows = lines.filter((line) => line.trim() !== '').map((line, at) => record(line, `${path}, line ${at + 1}`));
  const texts = rows.map((row, at) => stringField(row, field, `${path}, line ${at + 1}`));
  if (texts.length < 20) throw new UsageError(`${path} has ${texts.length} texts; a student needs 20 at least.`);
  return { texts, groups: group === undefined ? undefined : rows.map((row, at) => stringField(row, group, `${path}, line ${at + 1}`)) };
}

const readInput = (path: string): Promise<Buffer> =>
  readFile(path).catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });

function record(line: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>;
  } catch {
    // What follows says what is wrong.
  }
  throw new UsageError(`${where}: expected a JSON object.`);
}

function stringField(row: Record<string, unknown>, name: string, where: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw new UsageError(`${where}: its field ${name} is no text.`);
  return value;
}

async function teacherVectors({ vectors: path, teacher }: DistilOptions, texts: readonly string[]) {
  const embedded = path === undefined ? await embedBy(teacher ?? '', texts) : vectorsIn(await readInput(path), texts.length, path);
  if (!embedded.vectors.every(Number.isFinite)) throw new Failure("the teacher's vectors have numbers that are not finite.");
  return embedded;
}

async function embedBy(teacher: string, texts: readonly string[]) {
  const embedder = await textEmbedder(await readModelFolder(teacher));
  const embedded = await embedder.embed(texts);
  await embedder.close();
  return embedded;
}

function vectorsIn(bytes: Buffer, count: number, path: string) {
  const dimensions = bytes.length / 4 / count;
  if (!Number.isInteger(dimensions) || dimensions === 0)
    throw new UsageError(`${path} has ${bytes.length} bytes, which is no whole number of float32 for each of ${count} texts.`);
  return { dimensions, vectors: new Float32Array(new Uint8Array(bytes).buffer) };
}

async function writeStudent(
  options: DistilOptions,
  { quality, settings, table, vocabulary, grid }: Awaited<ReturnType<typeof distilStudent>>,
) {
  const file = writeOnnx({ id: 'student', dimensions: table.columns, opset: 13, vocabulary: vocabulary.bytes, rows: quantiseRows(table) });
  const given = [options.texts, ...(options.vectors === undefined ? [] : [options.vectors])];
  const inputs = await Promise.all(given.map(async (path) => fileOf(path, await readInput(path))));
  const recipe: DerivedRecipe = {
    command: `sluice models distil --texts ${options.texts} --out ${options.out}`,
    node: process.version,
    inputs: [...inputs, ...(await readModelFolder(options.base)).inputs],
    parameters: { ...settings, words: options.words, folds: options.folds, grid },
    outputs: [await fileOf('model.onnx', file)],
  };
  await writeFile(join(options.out, 'model.onnx'), file);
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
