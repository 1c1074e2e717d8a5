import type { Drift, Sensitivity } from '../../src/inference/build/quantise/drift.ts';
import { bytesOf, driftOf, namesMatching, sensitivities, tooSensitive } from '../../src/inference/build/quantise/drift.ts';
import type { QuantiseMode, QuantiseOptions, TensorReport } from '../../src/inference/build/quantise/quantise-graph.ts';
import { hasCodes, QUANTISE_MODES, quantiseGraph } from '../../src/inference/build/quantise/quantise-graph.ts';
import { staticGraph } from '../../src/inference/build/prune/static-graph.ts';
import { quantiseStatic } from '../../src/inference/build/quantise/quantise-static.ts';
import { BuildFailure, UnusableInput } from './build-error.ts';
import { calibrationRun, readCalibration } from './calibration.ts';
import type { DerivedGraph, ModelFolder } from './model-folder.ts';
import { textInputs } from './text-inputs.ts';

/** How a model is quantised. */
export interface QuantiseSettings {
  readonly bits: 8 | 4;
  /** By name; absent: those that suit the bits. */
  readonly modes?: readonly string[];
  readonly block: number;
  /** Constants to leave as they are; `*` stands for anything. */
  readonly skip: readonly string[];
  /** A file of inputs, by which the drift of the outputs is measured. */
  readonly calibration?: string;
  /** Constants whose quantisation alone moves the outputs by more stay as they are. */
  readonly driftMax?: number;
  /** Whether what is made is to be registered: other forms of a static model than those that are served are refused. */
  readonly mustServe?: boolean;
}

/** What a model was quantised to; `report.json` of its folder. */
export interface QuantiseReport {
  readonly bytes: { readonly before: number; readonly after: number };
  readonly tensors: readonly TensorReport[];
  /** What each constant does when it alone is quantised. Measured when there are calibration inputs and a bound. */
  readonly sensitivities?: readonly Sensitivity[];
  /** What all of it does to the outputs. `null`: not measured, since there were no calibration inputs. */
  readonly drift: Drift | null;
  /** False of a static model in a form that other runtimes alone run. */
  readonly isServed: boolean;
}

const DEFAULT_MODES = { 8: ['row', 'dynamic', 'stored'], 4: ['block', 'matmulnbits'] } as const;

/** Quantises the constants of a model's graph, with a report of every error. */
export async function quantiseFolder(folder: ModelFolder, settings: QuantiseSettings): Promise<DerivedGraph<QuantiseReport>> {
  const { bits, block, skip, calibration, driftMax } = settings;
  if (driftMax !== undefined && calibration === undefined) throw new UnusableInput('A bound of the drift needs calibration inputs.');
  const { graph } = folder;
  const modes = settings.modes?.map((name) => modeNamed(name, bits)) ?? DEFAULT_MODES[bits];
  const own = staticGraph(graph);
  // Of a static model, what is made in this mode is what Sluice serves.
  const isServed = own === undefined || (bits === 8 && modes.some((mode) => mode === 'row'));
  if (!isServed && settings.mustServe === true)
    throw new UnusableInput('not_served: a static model is served with a table of float32, or of 8 bits in the mode row.');
  if (own?.isCoded === true && bits === 8) throw new UnusableInput('already_quantised: the table has codes of 8 bits.');
  // What other runtimes are to run may have fewer bits than the codes that there are.
  const source = own?.graph ?? graph;
  const asked: QuantiseOptions = { bits, modes, block, skip: namesMatching(source.tensors.keys(), skip) };
  const run = calibration === undefined ? undefined : calibrationRun(await readCalibration(calibration, textInputs(folder)));
  const measured = run === undefined || driftMax === undefined ? undefined : await sensitivities(source, asked, run);
  const skipped = measured === undefined ? [] : tooSensitive(measured, driftMax ?? 0);
  const skips = new Set([...asked.skip, ...skipped]);
  const quantised = own === undefined || !isServed ? quantiseGraph(source, { ...asked, skip: skips }) : quantiseStatic(own, skips);
  if (quantised.tensors.every(({ mode }) => mode === 'kept'))
    throw new BuildFailure(`${hasCodes(graph) ? 'already_quantised: ' : ''}nothing was quantised: ${reasonsOf(quantised.tensors)}.`);
  const report: QuantiseReport = {
    bytes: bytesOf(quantised.tensors),
    tensors: quantised.tensors,
    ...(measured === undefined ? {} : { sensitivities: measured }),
    isServed,
    drift: run === undefined ? null : driftOf(await run(graph), await run(quantised.graph)),
  };
  return {
    graph: quantised.graph,
    report,
    parameters: { bits, modes: asked.modes, block, skip, driftMax: driftMax ?? null, skippedBySensitivity: skipped },
  };
}

const reasonsOf = (tensors: readonly TensorReport[]): string =>
  tensors.length === 0
    ? 'the graph has no float32 constant of 1,024 numbers or more'
    : [...new Set(tensors.map(({ reason }) => reason))].join('; ');

function modeNamed(name: string, bits: 8 | 4): QuantiseMode {
  if (!Object.hasOwn(QUANTISE_MODES, name))
    throw new UnusableInput(`mode ${name}: it is one of ${Object.keys(QUANTISE_MODES).join(', ')}.`);
  const mode = name as QuantiseMode;
  if (!(QUANTISE_MODES[mode].bits as readonly number[]).includes(bits)) throw new UnusableInput(`mode ${name} needs 8 bits.`);
  return mode;
}
