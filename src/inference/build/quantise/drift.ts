import type { OnnxGraph } from '../graph/onnx-graph.ts';
import type { QuantiseOptions, TensorReport } from './quantise-graph.ts';
import { quantiseGraph } from './quantise-graph.ts';

/** Runs a graph on the calibration inputs: for each, its first output. A port, because running a graph is not pure. */
export type CalibrationRun = (graph: OnnxGraph) => Promise<readonly Float32Array[]>;

/** How far a graph's outputs are from those of another on the same inputs. */
export interface Drift {
  readonly inputs: number;
  /** Mean and largest of 1 - cosine of the output. 2 for an output that is not finite or has another length; 0 where both are zero. */
  readonly mean: number;
  readonly max: number;
  /** Inputs with an output that is not finite or, unlike before, zero. */
  readonly broken: number;
}

export function driftOf(before: readonly Float32Array[], after: readonly Float32Array[]): Drift {
  const distances = before.map((output, i) => distance(output, after[i] ?? new Float32Array()));
  return {
    inputs: distances.length,
    mean: distances.reduce((sum, value) => sum + value, 0) / Math.max(1, distances.length),
    max: Math.max(0, ...distances),
    broken: distances.filter((value) => value === BROKEN).length,
  };
}

const BROKEN = 2;

function distance(before: Float32Array, after: Float32Array): number {
  if (before.length !== after.length) return BROKEN;
  let [dot, x2, y2] = [0, 0, 0];
  for (let i = 0; i < before.length; i++) {
    dot += before[i]! * after[i]!;
    x2 += before[i]! ** 2;
    y2 += after[i]! ** 2;
  }
  if (x2 === 0 && y2 === 0) return 0;
  if (!Number.isFinite(dot) || !Number.isFinite(y2) || y2 === 0 || x2 === 0) return BROKEN;
  return Math.max(0, 1 - dot / Math.sqrt(x2 * y2));
}

export interface Sensitivity {
  readonly name: string;
  /** What quantising this constant alone does to the outputs. */
  readonly drift: Drift;
}

/** Quantises one constant at a time and measures what that alone does, the worst first. */
export async function sensitivities(graph: OnnxGraph, options: QuantiseOptions, run: CalibrationRun): Promise<Sensitivity[]> {
  const before = await run(graph);
  const names = quantiseGraph(graph, options)
    .tensors.filter(({ mode }) => mode !== 'kept')
    .map(({ name }) => name);
  const measured: Sensitivity[] = [];
  for (const name of names) {
    const others = names.filter((other) => other !== name);
    const alone = quantiseGraph(graph, { ...options, skip: new Set([...options.skip, ...others]) });
    measured.push({ name, drift: driftOf(before, await run(alone.graph)) });
  }
  return measured.sort((a, b) => b.drift.mean - a.drift.mean || (a.name < b.name ? -1 : 1));
}

/** The constants whose quantisation alone moves the outputs by more than `driftMax`: those to leave as they are. */
export const tooSensitive = (measured: readonly Sensitivity[], driftMax: number): string[] =>
  measured.filter(({ drift }) => !(drift.mean <= driftMax)).map(({ name }) => name);

/** The names that match one of the patterns, in which `*` stands for anything. */
export function namesMatching(names: Iterable<string>, patterns: readonly string[]): Set<string> {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's'));
  return new Set([...names].filter((name) => expressions.some((expression) => expression.test(name))));
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Bytes of the constants reported, before and after. */
export const bytesOf = (tensors: readonly TensorReport[]) => ({
  before: tensors.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0),
  after: tensors.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0),
});
