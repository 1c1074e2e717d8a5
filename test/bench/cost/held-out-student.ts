import { fitStudent } from '../../../src/inference/build/distil/fit-student.ts';
import type { SettingsGrid } from '../../../src/inference/build/distil/nested-validation.ts';
import { assignFolds, chooseSettings } from '../../../src/inference/build/distil/nested-validation.ts';
import { studentVocabulary } from '../../../src/inference/build/distil/student-vocabulary.ts';
import { ndcgs, topTen } from '../../../src/inference/build/gate/retrieval-figures.ts';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import { quantiseRows } from '../../../src/inference/build/matrix.ts';
import type { StaticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import { pruneVocabulary, staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import type { StaticModel } from '../../../src/inference/static/static-model.ts';
import { openStaticModel } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { must } from '../../../src/kernel/assert.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { ScoredOutcome } from '../../../src/upstreams/cascade/isotonic.ts';
import { readOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { writeOnnx } from '../../../workers/builds/write-onnx.ts';
import { manifestOf } from '../../support/fixtures/default-model.ts';
import type { RecordedTexts } from '../../support/fixtures/minilm-pairs.ts';

/** A student as it is served: int8, from its file. */
export interface ServedStudent {
  readonly model: StaticModel;
  readonly fileBytes: number;
}

/**
 * How nDCG@10 counts a text that is found: `strict`, as right if it is one of the teacher's ten nearest; `graded`, by its similarity according to the
 * teacher, so that neighbours that are nearly as near count nearly as much.
 */
export const MEASURES = ['strict', 'graded'] as const;
export type Measure = (typeof MEASURES)[number];

export interface Outcomes {
  /** Of the learned texts, each by a student that was fitted without it. */
  readonly calibration: readonly ScoredOutcome[];
  readonly tested: readonly { readonly whole: ScoredOutcome; readonly pruned: ScoredOutcome }[];
}

/** What a split of the texts says of students that have not seen the tested part. */
export interface HeldOut extends Readonly<Record<Measure, Outcomes>> {
  /** The tested part relative to the learned one. */
  readonly testShare: number;
  readonly students: { readonly whole: ServedStudent; readonly pruned: ServedStudent };
}

const TESTED_FOLDS = 5;
/** Frequent words that students keep besides those of the learned texts: the whole one, and the pruned one. */
export const WORDS = { whole: 20_000, pruned: 5_000 };
/** Settings are chosen by the learned texts alone. */
const GRID: SettingsGrid = { tokensMax: [256], sifA: [0.003, 0.01], baseWeights: [0], prior: [1], ridge: [0.3] };

/** A student of four fifths of the texts; what it finds for the others in the teacher's index, and what a pruned one does. */
export function heldOutStudent(recorded: RecordedTexts, base: StaticGraph, seed: number, words = WORDS): HeldOut {
  const { texts, dimensions, vectors } = recorded;
  const all = [...texts.keys()];
  const foldOf = assignFolds(all.map(String), TESTED_FOLDS, seed);
  const [tested, learned] = [all.filter((row) => foldOf[row] === 0), all.filter((row) => foldOf[row] !== 0)];
  const learnedTexts = learned.map((row) => texts[row]!);
  const vocabulary = studentVocabulary(learnedTexts, base, words.whole);
  const ids = texts.map((text) => vocabulary.tokeniser.tokenise(text).ids.filter((id) => id !== 0));
  const pairs = { vocabularySize: vocabulary.tokeniser.vocabularySize, texts: ids, dimensions, vectors };
  const settings = chooseSettings(pairs, learned, vocabulary.prior, GRID);
  const fitted = fitStudent(pairs, learned, vocabulary.prior, settings);
  const leftOut = fitted.leftOut();
  const whole = serve(vocabulary.bytes, fitted.table());
  const pruned = serve(...prunedParts(whole.file, studentVocabulary(learnedTexts, base, words.pruned).bytes));
  const foundBy = ({ model: { tokeniser, encoder } }: ServedStudent): Found[] => {
    const rows = tested.map((row) => tokeniser.tokenise(texts[row]!).ids.subarray(0, settings.tokensMax));
    const found = encoder.embed(tokenBatch(rows));
    return tested.map((row, i) => foundFor(recorded, row, found.subarray(i * dimensions, (i + 1) * dimensions)));
  };
  const calibration = learned.map((row, i) => foundFor(recorded, row, leftOut.subarray(i * dimensions, (i + 1) * dimensions)));
  const [byWhole, byPruned] = [foundBy(whole), foundBy(pruned)];
  const outcomesBy = (measure: Measure): Outcomes => {
    const outcome = ({ score, [measure]: quality }: Found): ScoredOutcome => ({ score, quality });
    return {
      calibration: calibration.map(outcome),
      tested: byWhole.map((found, i) => ({ whole: outcome(found), pruned: outcome(byPruned[i]!) })),
    };
  };
  return {
    strict: outcomesBy('strict'),
    graded: outcomesBy('graded'),
    testShare: tested.length / learned.length,
    students: { whole, pruned },
  };
}

/** What a query found in the index of all other texts: how good that is, and how sure it was, by the cosine of its nearest. */
interface Found extends Readonly<Record<Measure, number>> {
  readonly score: number;
}

function serve(vocabulary: Uint8Array<ArrayBuffer>, table: Matrix): ServedStudent & { readonly file: Uint8Array<ArrayBuffer> } {
  const file = writeOnnx({ id: 'student', dimensions: table.columns, opset: 13, vocabulary, rows: quantiseRows(table) });
  const vocabularySize = table.values.length / table.columns;
  const opened = openStaticModel({ ...manifestOf('static', '1'), dimensions: table.columns, vocabularySize }, file);
  if (!opened.ok) throw new Error(opened.error.reason);
  return { model: opened.value, fileBytes: file.length, file };
}

function prunedParts(file: Uint8Array<ArrayBuffer>, keep: Uint8Array): [Uint8Array<ArrayBuffer>, Matrix] {
  const whole = must(staticGraph(readOnnxGraph(file, () => new Uint8Array())), 'a student is static');
  const { words, table } = pruneVocabulary(whole, new Set(new TextDecoder().decode(keep).split('\n')));
  return [utf8(words.join('\n')).slice(), table];
}

function foundFor({ texts, dimensions, vectors }: RecordedTexts, row: number, query: Float32Array): Found {
  const scoresBy = (vector: Float32Array): Float64Array => {
    const length = Math.hypot(...vector);
    return Float64Array.from(texts, (_, other) => {
      if (other === row) return Number.NEGATIVE_INFINITY;
      let dot = 0;
      for (let d = 0; d < dimensions; d++) dot += vector[d]! * vectors[other * dimensions + d]!;
      return length === 0 ? 0 : dot / length;
    });
  };
  const [scores, similarities] = [scoresBy(query), scoresBy(vectors.subarray(row * dimensions, (row + 1) * dimensions))];
  const [nearest, right] = [topTen(scores), topTen(similarities)];
  const ndcg = (grades: ReadonlyMap<number, number>): number => must(ndcgs([nearest], [grades])[0], 'one query has one nDCG');
  // nDCG takes a gain of 2^grade - 1: these gains are the similarities.
  const grades = [...nearest, ...right].map((text) => [text, Math.log2(1 + Math.max(0, similarities[text]!))] as const);
  return { score: scores[nearest[0]!]!, strict: ndcg(new Map(right.map((text) => [text, 1]))), graded: ndcg(new Map(grades)) };
}
