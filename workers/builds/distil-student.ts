import { readFile } from 'node:fs/promises';

import { fitStudent } from '../../src/inference/build/distil/fit-student.ts';
import type { HeldOutQuality, SettingsGrid } from '../../src/inference/build/distil/nested-validation.ts';
import { chooseSettings, DISTIL_GRID, heldOutQuality } from '../../src/inference/build/distil/nested-validation.ts';
import type { TeacherPairs } from '../../src/inference/build/distil/student-kernel.ts';
import { studentVocabulary } from '../../src/inference/build/distil/student-vocabulary.ts';
import { quantiseRows } from '../../src/inference/build/matrix.ts';
import { staticGraph } from '../../src/inference/build/prune/static-graph.ts';
import { PIECE_TOKENISER_VERSION } from '../../src/inference/static/piece-tokeniser.ts';
import { BuildFailure, UnusableInput } from './build-error.ts';
import type { ModelFolder } from './model-folder.ts';
import type { TextEmbedder } from './text-embedder.ts';
import { writeOnnx } from './write-onnx.ts';

/** What a student learns from. */
export interface DistilSettings {
  /** A file of JSON lines, each with a text. */
  readonly texts: string;
  /** The field of a line that has its text. */
  readonly field: string;
  /** The field that names its document: texts of one are never split between folds. */
  readonly group?: string;
  /** How many of the most frequent words of the base the student keeps. */
  readonly words: number;
  readonly folds: number;
}

/** Who teaches: vectors that were recorded, one of each line, as float32 end to end; or a model. */
export type Teacher = { readonly vectors: string } | { readonly model: TextEmbedder };

export interface Student {
  /** Its one file. */
  readonly file: Uint8Array<ArrayBuffer>;
  readonly quality: HeldOutQuality;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The longest text that it is good for, in tokens: its teacher cuts longer ones. Absent: it was fitted to whole texts. */
  readonly tokensMax?: number;
}

/** Fits a static student to a teacher, starting from the words and vectors of a static model. */
export async function distilStudent(
  base: ModelFolder,
  teacher: Teacher,
  distil: DistilSettings,
  grid: SettingsGrid = DISTIL_GRID,
): Promise<Student> {
  const { texts, groups } = await readTexts(distil);
  const { dimensions, vectors } =
    'vectors' in teacher
      ? vectorsIn(await readInput(teacher.vectors), texts.length, teacher.vectors)
      : await teacher.model.embed(texts, 'passage');
  if (!vectors.every(Number.isFinite)) throw new BuildFailure("the teacher's vectors have numbers that are not finite.");
  const graph = staticGraph(base.graph);
  if (graph === undefined) throw new UnusableInput(`${base.root} is no static model with a vocabulary.`);
  if (graph.tokeniser === PIECE_TOKENISER_VERSION)
    throw new UnusableInput(`${base.root} has rows of word pieces: a student starts from words.`);
  const { words, folds } = distil;
  const vocabulary = studentVocabulary(texts, graph, words);
  const ids = texts.map((text) => vocabulary.tokeniser.tokenise(text).ids.filter((id) => id !== 0));
  const pairs: TeacherPairs = { vocabularySize: vocabulary.tokeniser.vocabularySize, texts: ids, dimensions, vectors };
  const quality = heldOutQuality(pairs, vocabulary.prior, grid, { folds, seed: 1, ...(groups === undefined ? {} : { groups }) });
  const rows = texts.map((_, row) => row);
  const settings = chooseSettings(pairs, rows, vocabulary.prior, grid);
  const table = fitStudent(pairs, rows, vocabulary.prior, settings).table();
  const file = writeOnnx({ id: 'student', dimensions: table.columns, opset: 13, vocabulary: vocabulary.bytes, rows: quantiseRows(table) });
  const isCut = ids.some(({ length }) => length > settings.tokensMax);
  const limit = isCut ? { tokensMax: settings.tokensMax } : {};
  return { file, quality, ...limit, parameters: { ...settings, words, folds, grid, served: limit } };
}

/** The texts of a file of JSON lines, and what each is a part of where `group` names its field. */
export async function readTexts({ texts: path, field, group }: Pick<DistilSettings, 'texts' | 'field' | 'group'>) {
  const lines = (await readInput(path)).toString('utf8').split('\n');
  const rows = lines.filter((line) => line.trim() !== '').map((line, at) => record(line, `${path}, line ${at + 1}`));
  const texts = rows.map((row, at) => stringField(row, field, `${path}, line ${at + 1}`));
  if (texts.length < 20) throw new UnusableInput(`${path} has ${texts.length} texts; a student needs 20 at least.`);
  return { texts, groups: group === undefined ? undefined : rows.map((row, at) => stringField(row, group, `${path}, line ${at + 1}`)) };
}

export const readInput = (path: string): Promise<Buffer> =>
  readFile(path).catch(() => {
    throw new UnusableInput(`${path} cannot be read.`);
  });

function record(line: string, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>;
  } catch {
    // What follows says what is wrong.
  }
  throw new UnusableInput(`${where}: expected a JSON object.`);
}

function stringField(row: Record<string, unknown>, name: string, where: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw new UnusableInput(`${where}: its field ${name} is no text.`);
  return value;
}

function vectorsIn(bytes: Buffer, count: number, path: string) {
  const dimensions = bytes.length / 4 / count;
  if (!Number.isInteger(dimensions) || dimensions === 0)
    throw new UnusableInput(`${path} has ${bytes.length} bytes, which is no whole number of float32 for each of ${count} texts.`);
  return { dimensions, vectors: new Float32Array(new Uint8Array(bytes).buffer) };
}
