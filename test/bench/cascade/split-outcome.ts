import { fitStudent } from '../../../src/inference/build/distil/fit-student.ts';
import type { SettingsGrid } from '../../../src/inference/build/distil/nested-validation.ts';
import { assignFolds, chooseSettings, studentVectors } from '../../../src/inference/build/distil/nested-validation.ts';
import type { TeacherPairs } from '../../../src/inference/build/distil/student-kernel.ts';
import { topTen } from '../../../src/inference/build/gate/retrieval-figures.ts';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import { thresholdForShare } from '../../../src/upstreams/cascade/calibrated-threshold.ts';
import { decideCascade } from '../../../src/upstreams/cascade/cascade-decision.ts';
import { EscalationCap } from '../../../src/upstreams/cascade/escalation-cap.ts';
import { expectedQuality, fitIsotonic } from '../../../src/upstreams/cascade/isotonic.ts';

/** What the student found for one query, and how like the teacher's that is. */
interface Found {
  /** Cosine of its nearest text. */
  readonly score: number;
  /** Whether its nearest text is the teacher's. */
  readonly topOne: number;
  /** Share of the teacher's ten nearest that are among its own. */
  readonly recall: number;
}

export type Measure = 'topOne' | 'recall';

/** One side against the other, on queries that neither the student nor the threshold has seen. */
export interface SplitOutcome {
  /** Share of the queries that the cascade escalated. */
  readonly share: number;
  readonly cascade: number;
  /** What escalating as many at random reaches on average. */
  readonly random: number;
}

/** Of every fifth text; the others teach. */
const TESTED_FOLDS = 5;
/** Settings are chosen by the learned texts alone. */
const GRID: SettingsGrid = { tokensMax: [256], sifA: [0.003, 0.01], baseWeights: [0], prior: [1], ridge: [0.3] };

/** A student, fitted on four fifths of the texts; what it finds for them when each is left out, and for the others. */
export function fitSplit(pairs: TeacherPairs, prior: Matrix, seed: number) {
  const foldOf = assignFolds(
    pairs.texts.map((_, row) => String(row)),
    TESTED_FOLDS,
    seed,
  );
  const all = pairs.texts.map((_, row) => row);
  const [tested, learned] = [all.filter((row) => foldOf[row] === 0), all.filter((row) => foldOf[row] !== 0)];
  const settings = chooseSettings(pairs, learned, prior, GRID);
  const student = fitStudent(pairs, learned, prior, settings);
  const leftOut = student.leftOut();
  const { dimensions } = pairs;
  const calibration = learned.map((row, i) => found(pairs, row, leftOut.subarray(i * dimensions, (i + 1) * dimensions)));
  const vectors = studentVectors(pairs, tested, student.table(), settings.tokensMax);
  const test = tested.map((row) => found(pairs, row, vectors.subarray(row * dimensions, (row + 1) * dimensions)));
  return { calibration, test, testShare: tested.length / learned.length };
}

export type Split = ReturnType<typeof fitSplit>;

/** The queries of a split through the cascade of the gateway, one after the other, at most `shareMax` of them escalated. */
export function runCascade({ calibration, test }: Split, measure: Measure, shareMax: number): SplitOutcome {
  const threshold = thresholdForShare(
    calibration.map((query) => ({ score: query.score, quality: query[measure] })),
    shareMax,
  );
  const cap = new EscalationCap(Number.MAX_SAFE_INTEGER);
  let [escalated, quality] = [0, 0];
  for (const query of test) {
    const { answer } = decideCascade(query.score, threshold, { cap, shareMax, nowMs: 0 });
    escalated += Number(answer === 'teacher');
    // The teacher's answer is the truth that both are measured by.
    quality += answer === 'teacher' ? 1 : query[measure];
  }
  const share = escalated / test.length;
  const student = test.reduce((sum, query) => sum + query[measure], 0) / test.length;
  return { share, cascade: quality / test.length, random: (1 - share) * student + share };
}

/** How far what the calibration expects of the tested queries, all together, lies from what came about. */
export function calibrationError({ calibration, test }: Split, measure: Measure): number {
  const curve = fitIsotonic(calibration.map((query) => ({ score: query.score, quality: query[measure] })));
  return test.reduce((sum, query) => sum + expectedQuality(curve, query.score) - query[measure], 0) / test.length;
}

function found({ vectors, dimensions, texts }: TeacherPairs, row: number, query: Float32Array): Found {
  const others = texts.map((_, other) => other).filter((other) => other !== row);
  const scoresBy = (vector: Float32Array) => {
    const length = Math.hypot(...vector);
    return Float64Array.from(others, (other) => {
      let dot = 0;
      for (let d = 0; d < dimensions; d++) dot += vector[d]! * vectors[other * dimensions + d]!;
      return length === 0 ? 0 : dot / length;
    });
  };
  const scores = scoresBy(query);
  const [nearest, truth] = [topTen(scores), topTen(scoresBy(vectors.subarray(row * dimensions, (row + 1) * dimensions)))];
  return {
    score: scores[nearest[0]!]!,
    topOne: Number(nearest[0] === truth[0]),
    recall: truth.filter((text) => nearest.includes(text)).length / truth.length,
  };
}
