import { readModelFolder, writeModelFolder } from '../../builds/model-folder.ts';
import { pruneFolder } from '../../builds/prune-folder.ts';
import { command, UsageError, whole } from '../command/command.ts';

interface PruneOptions {
  readonly out: string;
  readonly words?: number;
  readonly corpus?: string;
  readonly dimensions?: number;
  readonly layers?: number;
  readonly calibrate?: string;
}

/** `sluice models prune IN --out DIR`. */
export const prune = () =>
  command('prune', 'Leaves out words, dimensions or encoder layers of a model.')
    .argument('<in>', 'a model folder, or an ONNX file')
    .requiredOption('--out <dir>', 'an empty folder for the model, its recipe and its report')
    .option('--words <count>', 'of a static model: the most frequent words to keep', whole(1, 10_000_000))
    .option('--corpus <file>', 'a text file; of a static model: keep its words alone, or take the axes of its lines')
    .option('--dimensions <count>', 'of a static model: numbers a vector, on the principal axes', whole(1, 100_000))
    .option('--layers <count>', 'of an encoder: layers to leave out, those that the outputs miss least', whole(1, 1000))
    .option('--calibrate <file>', 'JSON lines of inputs, as for quantize; --layers needs them')
    .action(async (path: string, { out, calibrate, ...settings }: PruneOptions) => {
      if (settings.layers !== undefined && calibrate === undefined) throw new UsageError('--layers needs --calibrate.');
      const folder = await readModelFolder(path);
      const pruned = await pruneFolder(folder, { ...settings, ...(calibrate === undefined ? {} : { calibration: calibrate }) });
      await writeModelFolder(out, { from: folder, command: `sluice models prune ${path} --out ${out}`, ...pruned });
      const { bytes, ...report } = pruned.report;
      console.log(`constants: ${bytes.before} bytes, now ${bytes.after}`);
      for (const [name, value] of Object.entries(report)) console.log(`${name}: ${JSON.stringify(value)}`);
    });
