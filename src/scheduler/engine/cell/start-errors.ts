import { dropOldest } from '../../../kernel/drop-oldest.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { CellDecision, StartErrorRecord } from './records.ts';

/** What was foreseen of a start: that it lies about so long after it was asked, and how far apart the courses that were played were. */
export interface PlayedWait {
  /** Of the root of its tree: errors are of the same load. */
  readonly tree: string;
  readonly askedAtMs: number;
  /** The logarithm of the median wait in milliseconds. */
  readonly logWait: number;
  /** Of the logarithms of waits. An error counts in parts of it. */
  readonly spread: number;
}

interface Expected extends PlayedWait {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** Jobs whose start was foreseen and has not come; the one that was asked about longest ago is forgotten first. */
const EXPECTED_MAX = 512;

/** Of a tree so many errors are remembered, some 600 bytes; the newest. */
const ERRORS_MAX = 128;

/** The part of starts that shall be within their intervals; the part that an interval aims at before any has started, and its bounds. */
const TARGET = 0.8;
const AIM_FIRST = 0.82;
const AIM_MIN = 0.6;
const AIM_MAX = 0.98;

/** By how much one start moves the aim. */
const AIM_STEP = 0.03;

const ERROR_MAX = 30;

/**
 * How far starts lay from what was foreseen, by tree: the scores by which intervals are calibrated (Vovk, Gammerman, Shafer, Algorithmic Learning in a
 * Random World, 2005), and what they aim at, which moves as starts are within or not (Gibbs and Candes, Adaptive Conformal Inference, 2021). No
 * decision depends on it.
 */
export class StartErrors {
  readonly #decide: (decision: CellDecision) => void;
  readonly #byTree = new Map<string, StartErrorRecord>();
  /** Not stored: what a cell that was lost had foreseen is not compared. */
  readonly #expected = new Map<JobId, Expected>();

  constructor(decide: (decision: CellDecision) => void) {
    this.#decide = decide;
  }

  of(tree: string): StartErrorRecord {
    return this.#byTree.get(tree) ?? { tree, errors: [], aim: AIM_FIRST };
  }

  load(records: readonly StartErrorRecord[]): void {
    for (const record of records) this.#byTree.set(record.tree, record);
  }

  /** A start was foreseen; of several forecasts of one job the first counts. */
  expect(jobId: JobId, expected: Expected): void {
    if (this.#expected.has(jobId)) return;
    this.#expected.set(jobId, expected);
    dropOldest(this.#expected, EXPECTED_MAX);
  }

  /** What becomes of a job says nothing more of the load: it was held, moved, or ended. */
  forget(jobId: JobId): void {
    this.#expected.delete(jobId);
  }

  /** A job has nodes. */
  started(jobId: JobId, atMs: number): void {
    const expected = this.#expected.get(jobId);
    if (expected === undefined) return;
    this.#expected.delete(jobId);
    const { tree, askedAtMs, logWait, spread, earliestMs, latestMs } = expected;
    const { errors, aim } = this.of(tree);
    const error = (Math.log(Math.max(1, atMs - askedAtMs)) - logWait) / spread;
    const isWithin = atMs >= earliestMs && atMs <= latestMs;
    const record = {
      tree,
      errors: [...errors, rounded(Math.max(-ERROR_MAX, Math.min(ERROR_MAX, error)))].slice(-ERRORS_MAX),
      aim: rounded(Math.max(AIM_MIN, Math.min(AIM_MAX, aim + AIM_STEP * (TARGET - (isWithin ? 1 : 0))))),
    };
    this.#byTree.set(tree, record);
    this.#decide({ kind: 'save_start_errors', record });
  }
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
