import { DATA_TYPE, tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { STATIC_TABLE_NAMES, tokeniserOf } from '../../../src/inference/static-model.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { FeedsOfText } from './calibration.ts';
import type { ModelFolder } from './model-folder.ts';

/** How texts become the inputs of a model: by the vocabulary in its graph, if it is a static model of Sluice. */
export function textInputs({ graph }: Pick<ModelFolder, 'graph'>): FeedsOfText {
  const words = graph.metadata.get(STATIC_TABLE_NAMES.vocabulary);
  const [input] = graph.inputs;
  if (words === undefined || input === undefined) return undefined;
  const tokeniser = tokeniserOf({ tokeniser: graph.metadata.get(STATIC_TABLE_NAMES.tokeniser), vocabulary: utf8(words) });
  if (tokeniser === undefined) return undefined;
  return (text) => {
    const ids = BigInt64Array.from(tokeniser.tokenise(text).ids, BigInt);
    // The graph takes at least one token: the unknown one, whose row is zero.
    const padded = ids.length === 0 ? BigInt64Array.of(0n) : ids;
    return { [input]: tensorOf(DATA_TYPE.int64, [1, padded.length], padded) };
  };
}
