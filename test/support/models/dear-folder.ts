import onnxProto from 'onnx-proto';

import { encodeModel, floats, node } from './bert-graph.ts';
import type { Folder } from './model-folder.ts';

const { ModelProto } = onnxProto.onnx;
const WIDE = 16_384;

/** The same model, whose last states (of 16 numbers) go through so many pairs of wide products more: it is small, and takes long to run. */
export function withProducts(folder: Folder, pairs: number): Folder {
  const model = ModelProto.decode(folder.get('onnx/model.onnx') ?? new Uint8Array());
  const { graph } = model;
  if (graph === undefined || graph === null) throw new Error('a model has a graph');
  const last = graph.node?.findLast(({ output }) => output?.includes('last_hidden_state'));
  if (last === undefined) throw new Error('an encoder has a last state');
  last.output = ['pair.0'];
  for (let pair = 0; pair < pairs; pair += 1) {
    const next = pair === pairs - 1 ? 'last_hidden_state' : `pair.${pair + 1}`;
    graph.node?.push(node('MatMul', [`pair.${pair}`, 'wide'], `wide.${pair}`), node('MatMul', [`wide.${pair}`, 'narrow'], next));
  }
  for (const [name, dims] of [
    ['wide', [16, WIDE]],
    ['narrow', [WIDE, 16]],
  ] as const)
    graph.initializer?.push(floats(name, [...dims], new Float32Array(16 * WIDE)));
  return new Map([...folder, ['onnx/model.onnx', encodeModel(model)]]);
}
