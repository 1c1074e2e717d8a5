import { err, ok } from '../../../kernel/result.ts';
import type { Result } from '../../../kernel/result.ts';
import type { JsonRecord } from '../../text/config-json.ts';
import { isCount } from '../../text/config-json.ts';

/** What `config.json` says of an encoder of BERT's shape; its other sizes are those of its tensors. */
export interface BertShape {
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly inner: number;
  readonly normEpsilon: number;
}

const EPSILON = 1e-12;

/** The shape of a BERT encoder (Devlin et al. 2019), or why a graph of it cannot be written. [MB20] */
export function bertShape(config: JsonRecord): Result<BertShape, string> {
  const { model_type: type, hidden_act: activation = 'gelu', position_embedding_type: positions = 'absolute' } = config;
  if (type !== 'bert') return err(`model_type ${String(type)}: graphs are written of bert alone; give the model as ONNX`);
  if (activation !== 'gelu') return err(`hidden_act ${String(activation)}: graphs are written with gelu alone; give the model as ONNX`);
  if (positions !== 'absolute')
    return err(`position_embedding_type ${String(positions)}: graphs are written with absolute positions alone`);
  const { num_hidden_layers: layers, num_attention_heads: heads, hidden_size: hidden, intermediate_size: inner } = config;
  const { layer_norm_eps: normEpsilon = EPSILON } = config;
  if (!isCount(layers) || !isCount(heads) || !isCount(hidden) || !isCount(inner) || typeof normEpsilon !== 'number')
    return err('num_hidden_layers, num_attention_heads, hidden_size, intermediate_size and layer_norm_eps have to be numbers');
  if (hidden % heads !== 0) return err(`hidden_size ${hidden} is no multiple of num_attention_heads ${heads}`);
  return ok({ layers, heads, hidden, inner, normEpsilon });
}
