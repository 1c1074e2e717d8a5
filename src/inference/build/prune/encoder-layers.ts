import type { GraphNode, OnnxGraph } from '../graph/onnx-graph.ts';
import { withoutUnread } from '../graph/onnx-graph.ts';
import type { CalibrationRun, Drift } from '../quantise/drift.ts';
import { driftOf } from '../quantise/drift.ts';

/** A repeated block of a graph that one tensor enters and one leaves. */
export interface EncoderLayer {
  readonly layer: number;
  readonly input: string;
  readonly output: string;
}

/** The number of a block in the name of a constant, as exporters write it: `encoder.layer.3.`, `layers.3.`, `h.3.`, `block_3/`. */
const LAYER_NAME = /(?:layers?|blocks?|h)[._/](\d+)[._/]/;

/**
 * The blocks of an encoder that can be left out: all but the last, whose output other nodes may shape further. A node belongs to the highest
 * block whose constants it, or what it reads, reads.
 */
export function encoderLayers(graph: OnnxGraph): EncoderLayer[] {
  const layerOf = new Map<string, number>();
  const nodeLayer = new Map<GraphNode, number>();
  for (const node of graph.nodes) {
    const layer = Math.max(-1, ...[...node.inputs, ...node.captures].map((name) => layerOf.get(name) ?? constantLayer(graph, name)));
    nodeLayer.set(node, layer);
    for (const output of node.outputs) layerOf.set(output, layer);
  }
  const readIn = new Map<string, Set<number>>();
  for (const [node, layer] of nodeLayer)
    for (const input of node.inputs) if (layerOf.has(input)) readIn.set(input, (readIn.get(input) ?? new Set()).add(layer));
  const last = Math.max(-1, ...nodeLayer.values());
  const between = (from: number, to: number): string[] =>
    [...readIn].flatMap(([name, layers]) =>
      layerOf.get(name) === from && layers.has(to) && layers.size <= 2 && isStream(layers, from, to) ? [name] : [],
    );
  return Array.from({ length: Math.max(0, last) }, (_, layer) => layer).flatMap((layer) => {
    const [input, ...otherInputs] = between(layer - 1, layer);
    const [output, ...otherOutputs] = between(layer, layer + 1);
    const isOne = input !== undefined && output !== undefined && otherInputs.length === 0 && otherOutputs.length === 0;
    return isOne && !graph.outputs.includes(output) ? [{ layer, input, output }] : [];
  });
}

/** Whether a tensor goes from one block to the next and nowhere else, unlike a mask that all blocks read. */
const isStream = (layers: ReadonlySet<number>, from: number, to: number): boolean =>
  [...layers].every((layer) => layer === from || layer === to);

function constantLayer({ tensors }: OnnxGraph, name: string): number {
  const number = tensors.has(name) ? LAYER_NAME.exec(name)?.[1] : undefined;
  return number === undefined ? -1 : Number(number);
}

/** The graph without a block: what entered it goes where its output went. */
export function withoutLayer(graph: OnnxGraph, { input, output }: EncoderLayer): OnnxGraph {
  const swap = (name: string) => (name === output ? input : name);
  return withoutUnread({ ...graph, nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(swap) })) });
}

/** A block that was left out, and the drift of the outputs from the whole graph's after that. */
export interface PrunedLayer {
  readonly layer: number;
  readonly drift: Drift;
}

export interface PrunedLayers {
  readonly graph: OnnxGraph;
  readonly removed: readonly PrunedLayer[];
  /** What leaving out each block alone does, the least first. */
  readonly sensitivities: readonly PrunedLayer[];
}

/** Leaves out `count` blocks one after another, each time the one without which the outputs stay nearest to the whole graph's. */
export async function pruneLayers(graph: OnnxGraph, count: number, run: CalibrationRun): Promise<PrunedLayers> {
  const before = await run(graph);
  const removed: PrunedLayer[] = [];
  let sensitivities: PrunedLayer[] = [];
  let pruned = graph;
  for (let step = 0; step < count; step++) {
    const tried: { graph: OnnxGraph; layer: PrunedLayer }[] = [];
    for (const layer of encoderLayers(pruned)) {
      const without = withoutLayer(pruned, layer);
      tried.push({ graph: without, layer: { layer: layer.layer, drift: driftOf(before, await run(without)) } });
    }
    tried.sort((a, b) => a.layer.drift.mean - b.layer.drift.mean);
    if (step === 0) sensitivities = tried.map(({ layer }) => layer);
    const [best] = tried;
    if (best === undefined) break;
    pruned = best.graph;
    removed.push(best.layer);
  }
  return { graph: pruned, removed, sensitivities };
}
