import { Option } from 'commander';

import type { Drift, Sensitivity } from '../../../src/inference/build/quantise/drift.ts';
import { bytesOf, driftOf, namesMatching, sensitivities, tooSensitive } from '../../../src/inference/build/quantise/drift.ts';
import type { QuantiseMode, QuantiseOptions, TensorReport } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { QUANTISE_MODES, quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { command, Failure, positive, table, UsageError } from '../command.ts';
import { calibrationRun, readCalibration } from './calibration.ts';
import type { ModelFolder } from './model-folder.ts';
import { readModelFolder, writeModelFolder } from './model-folder.ts';
import { textInputs } from './text-inputs.ts';

interface QuantizeOptions {
  readonly out: string;
  readonly bits: '8' | '4';
  readonly mode?: string;
  readonly block: string;
  readonly skip: readonly string[];
  readonly calibrate?: string;
  readonly driftMax?: number;
}

/** What a model was quantised to; `report.json` of its folder. */
export interface QuantiseReport {
  readonly bytes: { readonly before: number; readonly after: number };
  readonly tensors: readonly TensorReport[];
  /** What each constant does when it alone is quantised. Measured when there are calibration inputs and a bound. */
  readonly sensitivities?: readonly Sensitivity[];
  /** What all of it does to the outputs. `null`: not measured, since there were no calibration inputs. */
  readonly drift: Drift | null;
}

const DEFAULT_MODES = { 8: ['row', 'dynamic', 'stored'], 4: ['block', 'matmulnbits'] } as const;

/** `sluice models quantize IN --out DIR`. */
export const quantize = () =>
  command('quantize', 'Quantises the constants of an ONNX graph to 8 or 4 bits, with a report of every error.')
    .argument('<in>', 'a model folder, or an ONNX file')
    .requiredOption('--out <dir>', 'an empty folder for the model, its recipe and its report')
    .addOption(new Option('--bits <bits>', 'a number').choices(['8', '4']).default('8'))
    .option('--mode <modes>', 'by commas: row, block, gbq for tables; dynamic, matmulnbits for products; stored for all (see docs)')
    .addOption(
      new Option('--block <numbers>', 'numbers to a scale in the modes of blocks').choices(['16', '32', '64', '128']).default('32'),
    )
    .option('--skip <names...>', 'constants to leave as they are; * stands for anything', [])
    .option('--calibrate <file>', 'JSON lines of inputs, {"text": ...} or {"inputs": ...}: measures the drift of the outputs')
    .option('--drift-max <number>', 'leave constants whose quantisation alone moves the outputs by more (mean of 1 - cosine)', positive())
    .action(async (path: string, options: QuantizeOptions) => {
      const folder = await readModelFolder(path);
      const { quantised, report, parameters } = await quantiseFolder(folder, options);
      await writeModelFolder(options.out, {
        from: folder,
        graph: quantised,
        command: `sluice models quantize ${path} --out ${options.out}`,
        parameters,
        report,
      });
      print(report);
    });

async function quantiseFolder(folder: ModelFolder, options: QuantizeOptions) {
  if (options.driftMax !== undefined && options.calibrate === undefined) throw new UsageError('--drift-max needs --calibrate.');
  const { graph } = folder;
  const asked: QuantiseOptions = { ...readOptions(options), skip: namesMatching(graph.tensors.keys(), options.skip) };
  const run = options.calibrate === undefined ? undefined : calibrationRun(await readCalibration(options.calibrate, textInputs(folder)));
  const measured = run === undefined || options.driftMax === undefined ? undefined : await sensitivities(graph, asked, run);
  const skipped = measured === undefined ? [] : tooSensitive(measured, options.driftMax ?? 0);
  const quantised = quantiseGraph(graph, { ...asked, skip: new Set([...asked.skip, ...skipped]) });
  if (quantised.tensors.every(({ mode }) => mode === 'kept')) throw new Failure(`nothing was quantised: ${reasonsOf(quantised.tensors)}.`);
  const report: QuantiseReport = {
    bytes: bytesOf(quantised.tensors),
    tensors: quantised.tensors,
    ...(measured === undefined ? {} : { sensitivities: measured }),
    drift: run === undefined ? null : driftOf(await run(graph), await run(quantised.graph)),
  };
  const parameters = {
    bits: asked.bits,
    modes: asked.modes,
    block: asked.block,
    skip: options.skip,
    driftMax: options.driftMax ?? null,
    skippedBySensitivity: skipped,
  };
  return { quantised: quantised.graph, report, parameters };
}

const reasonsOf = (tensors: readonly TensorReport[]): string =>
  tensors.length === 0
    ? 'the graph has no float32 constant of 1,024 numbers or more'
    : [...new Set(tensors.map(({ reason }) => reason))].join('; ');

function readOptions({ bits, mode, block }: QuantizeOptions): Omit<QuantiseOptions, 'skip'> {
  const width = bits === '8' ? 8 : 4;
  const modes = mode === undefined ? DEFAULT_MODES[width] : mode.split(',').map((name) => modeNamed(name.trim(), width));
  return { bits: width, modes, block: Number(block) };
}

function modeNamed(name: string, bits: 8 | 4): QuantiseMode {
  if (!Object.hasOwn(QUANTISE_MODES, name)) throw new UsageError(`--mode ${name}: it is one of ${Object.keys(QUANTISE_MODES).join(', ')}.`);
  const mode = name as QuantiseMode;
  if (!(QUANTISE_MODES[mode].bits as readonly number[]).includes(bits)) throw new UsageError(`--mode ${name} needs --bits 8.`);
  return mode;
}

function print({ tensors, bytes, drift }: QuantiseReport): void {
  console.log(table(['constant', 'dims', 'mode', 'bytes', 'SNR dB', 'max error', 'cosine'], tensors.map(rowOf)));
  console.log(`\nconstants: ${bytes.before} bytes, now ${bytes.after} (${(bytes.before / bytes.after).toFixed(2)} times smaller)`);
  if (drift === null) console.log('drift of the outputs: not measured (no --calibrate)');
  else
    console.log(
      `drift of the outputs on ${drift.inputs} inputs: mean ${drift.mean.toExponential(2)}, largest ${drift.max.toExponential(2)}`,
    );
  if (drift !== null && drift.broken > 0) throw new Failure(`${drift.broken} outputs are not finite or have become zero.`);
}

const rowOf = ({ name, dims, mode, reason, bytesAfter, snrDb, errorMax, cosine }: TensorReport) => [
  name,
  dims.join('x'),
  reason === undefined ? mode : `${mode}: ${reason}`,
  bytesAfter,
  snrDb === null ? 'exact' : snrDb.toFixed(1),
  errorMax.toPrecision(3),
  cosine.toFixed(6),
];
