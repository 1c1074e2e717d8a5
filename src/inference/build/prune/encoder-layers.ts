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
 * block whose constants it, or what it reads, reads. Where no block is found so, products may have constants without the names of blocks, or
 * inputs that are coded while they run: they belong to the block that alone reads them. The first one is not told from the embeddings then. [MB13] [MB19]
 */
export function encoderLayers(graph: OnnxGraph): EncoderLayer[] {
  const nodeLayer = layersByConstants(graph);
  const found = separateLayers(graph, nodeLayer);
  return found.length > 0 ? found : separateLayers(graph, layersByReaders(graph, nodeLayer));
}

/** The block of each node, in the order of the graph; -1: before all blocks. */
type NodeLayers = ReadonlyMap<GraphNode, number>;

function layersByConstants(graph: OnnxGraph): NodeLayers {
  const layerOf = new Map<string, number>();
  const nodeLayer = new Map<GraphNode, number>();
  for (const node of graph.nodes) {
    const layer = Math.max(-1, ...[...node.inputs, ...node.captures].map((name) => layerOf.get(name) ?? constantLayer(graph, name)));
    nodeLayer.set(node, layer);
    for (const output of node.outputs) layerOf.set(output, layer);
  }
  return nodeLayer;
}

/** From the last node on: one that reads no constant of a block belongs to that of its readers, if that is one, and later. */
function layersByReaders(graph: OnnxGraph, byConstants: NodeLayers): NodeLayers {
  const nodeLayer = new Map(byConstants);
  const readersOf = new Map<string, Set<number>>(graph.outputs.map((name) => [name, new Set([-1])]));
  for (const node of graph.nodes.toReversed()) {
    const own = nodeLayer.get(node) ?? -1;
    const readers = new Set(node.outputs.flatMap((name) => [...(readersOf.get(name) ?? [])]));
    const [later = -1] = readers;
    const isBound = node.inputs.some((name) => constantLayer(graph, name) >= 0);
    const layer = !isBound && readers.size === 1 && later > own ? later : own;
    nodeLayer.set(node, layer);
    for (const name of [...node.inputs, ...node.captures]) readersOf.set(name, (readersOf.get(name) ?? new Set()).add(layer));
  }
  return nodeLayer;
}

/** Of blocks, those that one tensor enters and one leaves. */
function separateLayers(graph: OnnxGraph, nodeLayer: NodeLayers): EncoderLayer[] {
  const layerOf = new Map([...nodeLayer].flatMap(([{ outputs }, layer]) => outputs.map((name) => [name, layer] as const)));
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
