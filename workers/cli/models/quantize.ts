import { Option } from 'commander';

import type { TensorReport } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { readModelFolder, writeModelFolder } from '../../builds/model-folder.ts';
import type { QuantiseReport } from '../../builds/quantise-folder.ts';
import { quantiseFolder } from '../../builds/quantise-folder.ts';
import { command, Failure, positive, table, UsageError } from '../command/command.ts';

interface QuantizeOptions {
  readonly out: string;
  readonly bits: '8' | '4';
  readonly mode?: string;
  readonly block: string;
  readonly skip: readonly string[];
  readonly calibrate?: string;
  readonly driftMax?: number;
}

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
      const { out, mode, calibrate, driftMax } = options;
      if (driftMax !== undefined && calibrate === undefined) throw new UsageError('--drift-max needs --calibrate.');
      const folder = await readModelFolder(path);
      const quantised = await quantiseFolder(folder, {
        bits: options.bits === '8' ? 8 : 4,
        ...(mode === undefined ? {} : { modes: mode.split(',').map((name) => name.trim()) }),
        block: Number(options.block),
        skip: options.skip,
        ...(calibrate === undefined ? {} : { calibration: calibrate }),
        ...(driftMax === undefined ? {} : { driftMax }),
      });
      await writeModelFolder(out, { from: folder, command: `sluice models quantize ${path} --out ${out}`, ...quantised });
      print(quantised.report);
    });

function print({ tensors, bytes, drift, isServed }: QuantiseReport): void {
  console.log(table(['constant', 'dims', 'mode', 'bytes', 'SNR dB', 'max error', 'cosine'], tensors.map(rowOf)));
  console.log(`\nconstants: ${bytes.before} bytes, now ${bytes.after} (${(bytes.before / bytes.after).toFixed(2)} times smaller)`);
  if (!isServed) console.log('Sluice does not serve a static model in this form: other runtimes run it.');
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
