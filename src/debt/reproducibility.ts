/**
 * What running a recipe again showed.
 *
 * Hashes are SHA-256 as hex; undefined where there is none: an input that the recipe does not pin or that was not found, an output that the
 * command did not make.
 */
export interface Rerun {
  /** The command ended with status 0 and made every output. */
  readonly hasRun: boolean;
  readonly inputs: readonly { readonly name: string; readonly pinned: string | undefined; readonly found: string | undefined }[];
  readonly outputs: readonly { readonly name: string; readonly expected: string; readonly made: string | undefined }[];
  readonly metrics: readonly Metric[];
  readonly metricsTolerance: number;
  /** The recipe names the runtime that the outputs were made by, and the command ran on the same. */
  readonly isEnvironmentRecorded: boolean;
  /** The command could not reach any network. */
  readonly isNetworkCut: boolean;
}

export interface Metric {
  readonly name: string;
  readonly expected: number;
  readonly measured: number | undefined;
}

/** R0: does not run; R1: runs; R2: its metrics are the same; R3: its bytes are the same; R4: also on another machine. */
export type ReproducibilityLevel = 'R0' | 'R1' | 'R2' | 'R3' | 'R4';

export interface Reproducibility {
  /** 0 to 1 (D40). */
  readonly index: number;
  readonly level: ReproducibilityLevel;
  /** The parts that the index is the sum of, each 0 to its weight, before it is capped. */
  readonly parts: { readonly inputs: number; readonly bytes: number; readonly metrics: number; readonly environment: number };
  /** Why the index is not 1: one sentence each. */
  readonly reasons: readonly string[];
}

const WEIGHTS = { inputs: 0.3, bytes: 0.4, metrics: 0.2, environment: 0.1 };
/** Outputs that were made from other inputs than the recipe's prove little, whatever they are. */
const INDEX_MAX_OF_ALTERED_INPUTS = 0.5;
/** With a network at hand the command may have read what the recipe does not name. */
const INDEX_MAX_WITH_NETWORK = 0.9;

const isWithin = ({ expected, measured }: Metric, tolerance: number): boolean =>
  measured !== undefined && Math.abs(measured - expected) <= tolerance;

/**
 * The reproducibility index (D40): 0.3 for pinned and verified inputs, 0.4 for the same bytes, 0.2 for metrics within tolerance, 0.1 for a
 * recorded environment; 0 if the command fails (D41), at most 0.5 if an input is not the pinned one (D42), at most 0.9 if the network was
 * not cut (D43).
 */
export function reproducibilityOf(rerun: Rerun, isOtherMachine: boolean): Reproducibility {
  const { inputs, outputs, metrics, metricsTolerance } = rerun;
  const verified = inputs.filter(({ pinned, found }) => pinned !== undefined && pinned === found);
  const altered = inputs.filter(({ pinned, found }) => pinned !== undefined && pinned !== found);
  const differing = outputs.filter(({ expected, made }) => expected !== made);
  const outside = metrics.filter((metric) => !isWithin(metric, metricsTolerance));
  const sameMetrics = metrics.length > 0 && outside.length === 0;
  const parts = {
    inputs: WEIGHTS.inputs * (inputs.length === 0 ? 1 : verified.length / inputs.length),
    bytes: differing.length === 0 ? WEIGHTS.bytes : 0,
    metrics: sameMetrics ? WEIGHTS.metrics : 0,
    environment: rerun.isEnvironmentRecorded ? WEIGHTS.environment : 0,
  };
  const reasons = [
    ...inputs.filter(({ pinned }) => pinned === undefined).map(({ name }) => `${name} is not pinned by a hash`),
    ...altered.map(({ name, found }) => (found === undefined ? `${name} was not found` : `${name} is not the pinned file`)),
    ...differing.map(({ name, made }) => (made === undefined ? `${name} was not made` : `${name} has other bytes`)),
    ...outside.map(({ name, expected, measured }) => `${name} was measured as ${measured ?? 'nothing'}, and the recipe says ${expected}`),
    ...(metrics.length === 0 ? ['the recipe states no metrics'] : []),
    ...(rerun.isEnvironmentRecorded ? [] : ['the recipe names no runtime, or another than the one that ran']),
    ...(rerun.isNetworkCut ? [] : ['the network could not be cut off']),
  ];
  if (!rerun.hasRun) return { index: 0, level: 'R0', parts, reasons: ['the command failed', ...reasons] };
  // Sums of tenths: 0.3 + 0.4 + 0.2 + 0.1 in binary is not 1.
  const sum = Number((parts.inputs + parts.bytes + parts.metrics + parts.environment).toFixed(6));
  const index = Math.min(sum, altered.length > 0 ? INDEX_MAX_OF_ALTERED_INPUTS : 1, rerun.isNetworkCut ? 1 : INDEX_MAX_WITH_NETWORK);
  const sameBytesLevel = isOtherMachine ? 'R4' : 'R3';
  const level = differing.length === 0 ? sameBytesLevel : sameMetrics ? 'R2' : 'R1';
  return { index, level, parts, reasons };
}

/** The numbers of a JSON value by their paths, such as `glossToLemma.0.recallAt10`, in order. */
export function numbersIn(value: unknown, path = ''): Map<string, number> {
  if (typeof value === 'number') return new Map([[path, value]]);
  if (typeof value !== 'object' || value === null) return new Map();
  const found = new Map<string, number>();
  for (const [key, member] of Object.entries(value)) {
    for (const [name, number] of numbersIn(member, path === '' ? key : `${path}.${key}`)) found.set(name, number);
  }
  return found;
}

/** The metrics that a recipe states, beside those that were measured now. */
export function compareMetrics(stated: unknown, measured: unknown): Metric[] {
  const now = numbersIn(measured);
  return Array.from(numbersIn(stated), ([name, expected]) => ({ name, expected, measured: now.get(name) }));
}
