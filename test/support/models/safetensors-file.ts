import type { BertShape, Matrix, Weights } from './bert-weights.ts';

export interface SafeTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A file in the format of safetensors, as its definition says: length, header, numbers. */
export function safetensorsFile(tensors: ReadonlyMap<string, SafeTensor>, metadata = { format: 'pt' }): Uint8Array<ArrayBuffer> {
  let at = 0;
  const entries = [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const entry = [name, { dtype, shape, data_offsets: [at, at + bytes.length] }] as const;
    at += bytes.length;
    return entry;
  });
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return new Uint8Array(Buffer.concat([length, header, ...[...tensors.values()].map(({ bytes }) => bytes)]));
}

/** The names that a BERT encoder's file gives to what `bertWeights` has. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(words|positions|types)$/, 'embeddings.$1_embeddings.weight'],
  [/^norm\./, 'embeddings.LayerNorm.'],
  [/^layer\.(\d+)\.(query|key|value)/, 'encoder.layer.$1.attention.self.$2'],
  [/^layer\.(\d+)\.output/, 'encoder.layer.$1.attention.output.dense'],
  [/^layer\.(\d+)\.attention\.norm/, 'encoder.layer.$1.attention.output.LayerNorm'],
  [/^layer\.(\d+)\.up/, 'encoder.layer.$1.intermediate.dense'],
  [/^layer\.(\d+)\.down/, 'encoder.layer.$1.output.dense'],
  [/^layer\.(\d+)\.norm/, 'encoder.layer.$1.output.LayerNorm'],
];
const TABLES = { words_: 'word_', positions_: 'position_', types_: 'token_type_' };

function fileName(name: string): string {
  let found = NAMES.reduce((renamed, [pattern, to]) => renamed.replace(pattern, to), name).replace(/\.scale$/, '.weight');
  for (const [from, to] of Object.entries(TABLES)) found = found.replace(from, to);
  return /\.(?:weight|bias)$/.test(found) ? found : `${found}.weight`;
}

/** The weights of `bertWeights` as a file of a BERT encoder has them: products have a row for each output. */
export function bertTensors(weights: Weights, toBytes: (values: Float32Array<ArrayBuffer>) => SafeTensor['bytes'], dtype = 'F32') {
  return new Map(
    [...weights].map(([name, matrix]) => {
      const file = fileName(name);
      const isProduct = /\.(?:dense|query|key|value)\.weight$/.test(file);
      const { rows, columns, values } = isProduct ? turned(matrix) : matrix;
      return [file, { dtype, shape: rows === 1 ? [columns] : [rows, columns], bytes: toBytes(values) }] as const;
    }),
  );
}

export const floatBytes = ({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const turned = ({ rows, columns, values }: Matrix): Matrix => ({
  rows: columns,
  columns: rows,
  values: Float32Array.from(values, (_, at) => values[(at % rows) * columns + Math.floor(at / rows)]!),
});

/** What `config.json` says of such an encoder. */
export const bertConfig = ({ layers, heads, hidden, inner, positions, vocabulary }: BertShape) => ({
  architectures: ['BertModel'],
  model_type: 'bert',
  hidden_act: 'gelu',
  layer_norm_eps: 1e-12,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  hidden_size: hidden,
  intermediate_size: inner,
  max_position_embeddings: positions,
  vocab_size: vocabulary,
});
