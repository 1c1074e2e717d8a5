import onnxProto from 'onnx-proto';

import { Seeded } from '../../../src/kernel/seeded.ts';
import { bertModel, encodeModel, floats, node, port } from './bert-graph.ts';
import { bertReference } from './bert-reference.ts';
import type { Folder } from './model-folder.ts';
import { bertFolder } from './model-folder.ts';

const { FLOAT } = onnxProto.onnx.TensorProto.DataType;

/** `pooled`: the graph answers [batch, vocabulary]; `logits`: [batch, sequence, vocabulary]. */
export type SpladeAnswer = 'pooled' | 'logits';

interface SpladeOptions {
  readonly answer?: SpladeAnswer;
  /** The configuration of `SpladePooling`; absent: the folder has no `modules.json`. */
  readonly pooling?: object;
}

export interface SpladeFolder {
  readonly files: Folder;
  /** The logits of each token of a text, in plain loops of doubles. */
  logits(ids: readonly number[]): number[][];
}

const json = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));

/** A folder of a small BERT with a head for masked tokens: a sparse encoder as exporters or sentence-transformers write it. */
export function spladeFolder({ answer = 'logits', pooling }: SpladeOptions = {}): SpladeFolder {
  const { files: dense, shape, weights } = bertFolder();
  const { hidden, vocabulary } = shape;
  const rng = new Seeded(7);
  const numbers = (count: number) => Float32Array.from({ length: count }, () => 2 * rng.next() - 1);
  const [head, bias] = [numbers(hidden * vocabulary), numbers(vocabulary).map((x) => x - 0.5)];
  const model = bertModel(shape, weights);
  const graph = model.graph!;
  graph.node!.push(node('MatMul', ['last_hidden_state', 'mlm'], 'mlm.product'), node('Add', ['mlm.product', 'mlm.bias'], 'logits'));
  if (answer === 'pooled')
    graph.node!.push(
      node('Relu', ['logits'], 'positive'),
      node('Add', ['positive', 'unit'], 'shifted'),
      node('Log', ['shifted'], 'weights'),
      node('Unsqueeze', ['mask', 'two'], 'mask.columns'),
      node('Mul', ['weights', 'mask.columns'], 'own'),
      node('ReduceMax', ['own'], 'sparse', { axes: [1], keepdims: 0 }),
    );
  graph.initializer!.push(floats('mlm', [hidden, vocabulary], head), floats('mlm.bias', [vocabulary], bias));
  graph.output = [
    answer === 'pooled' ? port('sparse', FLOAT, ['batch', vocabulary]) : port('logits', FLOAT, ['batch', 'sequence', vocabulary]),
  ];
  const config = JSON.parse(new TextDecoder().decode(dense.get('config.json'))) as object;
  const files = new Map<string, Uint8Array<ArrayBuffer>>([
    ['config.json', json({ ...config, architectures: ['BertForMaskedLM'] })],
    ['tokenizer.json', dense.get('tokenizer.json')!],
    ['tokenizer_config.json', dense.get('tokenizer_config.json')!],
    ['model.onnx', encodeModel(model)],
  ]);
  if (pooling !== undefined) {
    const kinds = ['MLMTransformer', 'SpladePooling'];
    const type = (kind: string) => `sentence_transformers.sparse_encoder.models.${kind}`;
    files.set(
      'modules.json',
      json(kinds.map((kind, idx) => ({ idx, name: `${idx}`, path: idx === 0 ? '' : `${idx}_${kind}`, type: type(kind) }))),
    );
    files.set('1_SpladePooling/config.json', json(pooling));
  }
  return {
    files,
    logits: (ids) =>
      bertReference(
        shape,
        weights,
        ids,
        ids.map(() => 0),
      ).map((state) => [...bias].map((x, at) => state.reduce((sum, number, row) => sum + number * (head[row * vocabulary + at] ?? 0), x))),
  };
}
