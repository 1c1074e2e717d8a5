import { messageOf } from '../../src/contract/api/errors.ts';
import type { OnnxGraph } from '../../src/inference/build/graph/onnx-graph.ts';
import { BERT_INPUTS, BERT_OUTPUT, bertGraph } from '../../src/inference/build/safetensors/bert-graph.ts';
import { bertShape } from '../../src/inference/build/safetensors/bert-shape.ts';
import { readSafetensors } from '../../src/inference/build/safetensors/read-safetensors.ts';
import { readConfigJson } from '../../src/inference/text/config-json.ts';
import { UnusableInput } from './build-error.ts';
import { tokenGraphFrame } from './onnx-graph-file.ts';

/** The graph of an encoder whose folder has its weights and its `config.json`, and none. Throws, with the reason, where one cannot be written. */
export function encoderGraph(path: string, weights: Uint8Array, configJson: Uint8Array): OnnxGraph {
  const refused = (reason: string): never => {
    throw new UnusableInput(`${path}: ${reason}.`);
  };
  const config = readConfigJson(configJson, ['config.json']);
  if (!config.ok) return refused(messageOf(config.error));
  const shape = bertShape(config.value);
  if (!shape.ok) return refused(shape.error);
  const tensors = readSafetensors(weights);
  if (!tensors.ok) return refused(tensors.error);
  const graph = bertGraph(shape.value, tensors.value, tokenGraphFrame(BERT_INPUTS, BERT_OUTPUT, shape.value.hidden));
  return graph.ok ? graph.value : refused(graph.error);
}
