import { isFolderConfig } from '../../../../src/inference/folder/folder-files.ts';
import { UsageError } from '../../command/command.ts';

/** What exporters call graphs of 8 bits, best first: they fit into an isolate where those of 32 bits do not. */
const QUANTISED = ['quantized', 'int8', 'uint8'];

/** The unquantised graph, which has no suffix in its name. */
const PLAIN = 'fp32';

/** Folders of other runtimes, with configurations of theirs. */
const OTHERS = /^(?:onnx|openvino)\//;

/**
 * The files that a model needs of those of its folder: configurations, the tokeniser, and one graph with its external data. `variant` is
 * what exporters add to the name (`int8` of `onnx/model_int8.onnx`, `fp32` of the plain one) or a path; without it a quantised graph is taken if there is one. [M93]
 */
export function chooseFiles(paths: readonly string[], variant: string | undefined): string[] {
  const graph = chooseGraph(
    paths.filter((path) => path.endsWith('.onnx')),
    variant,
  );
  const isWanted = (path: string): boolean =>
    path === graph ||
    path === 'tokenizer.json' ||
    (isFolderConfig(path) && !OTHERS.test(path)) ||
    path.startsWith(`${graph}_data`) ||
    path.startsWith(`${graph}.data`);
  return paths.filter(isWanted).toSorted();
}

function chooseGraph(graphs: readonly string[], variant: string | undefined): string {
  if (graphs.length === 0) throw new UsageError('the model has no ONNX file: export it, or take a model that was exported');
  const byVariant = new Map(graphs.toReversed().map((path) => [variantOf(path), path]));
  // Of two in different folders, the one where Hugging Face's tools put it.
  for (const path of graphs) if (path.startsWith('onnx/')) byVariant.set(variantOf(path), path);
  if (variant !== undefined) {
    const named = graphs.includes(variant) ? variant : byVariant.get(variant);
    if (named !== undefined) return named;
    throw new UsageError(`the model has no variant ${variant}: one of ${[...byVariant.keys()].toSorted().join(', ')}`);
  }
  const found = [...QUANTISED, PLAIN].map((name) => byVariant.get(name)).find((path) => path !== undefined);
  const chosen = found ?? (graphs.length === 1 ? graphs[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw new UsageError(`choose one of the graphs by --variant: ${[...byVariant.keys()].toSorted().join(', ')}`);
}

function variantOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1, -'.onnx'.length);
  if (name === 'model') return PLAIN;
  return name.startsWith('model_') ? name.slice('model_'.length) : path;
}
