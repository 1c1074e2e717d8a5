import onnxProto from 'onnx-proto';

import type { QuantisedRows } from '../../src/inference/build/matrix.ts';
import { ONNX_FLOAT32, ONNX_INT8 } from '../../src/inference/onnx/onnx-file.ts';
import { STATIC_TABLE_NAMES } from '../../src/inference/static/static-model.ts';

const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const IR_VERSION = 7;
const INT64 = TensorProto.DataType.INT64;

export interface StaticModelFile {
  readonly id: string;
  readonly dimensions: number;
  readonly opset: number;
  readonly vocabulary: Uint8Array;
  /** Undefined: the rules of the first version, whose file names none. */
  readonly tokeniser?: string | undefined;
  readonly rows: QuantisedRows;
}

/**
 * The ONNX file of a static model, in standard operators only: `token_ids` int64 [batch, tokens], padded with 0, to `embeddings`
 * float32 [batch, dimensions]. Padding needs no mask because row 0 of the table is zero; a zero sum is divided by a tiny number, not 0.
 */
export function writeOnnx({ id, dimensions, opset, vocabulary, tokeniser, rows }: StaticModelFile): Uint8Array<ArrayBuffer> {
  const tokens = rows.scales.length;
  const model = ModelProto.create({
    irVersion: IR_VERSION,
    producerName: 'sluice',
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: [
      { key: STATIC_TABLE_NAMES.vocabulary, value: new TextDecoder().decode(vocabulary) },
      ...(tokeniser === undefined ? [] : [{ key: STATIC_TABLE_NAMES.tokeniser, value: tokeniser }]),
    ],
    graph: {
      name: id,
      input: [port('token_ids', INT64, [{ dimParam: 'batch' }, { dimParam: 'tokens' }])],
      output: [port('embeddings', ONNX_FLOAT32, [{ dimParam: 'batch' }, { dimValue: dimensions }])],
      initializer: [
        tensor(STATIC_TABLE_NAMES.codes, ONNX_INT8, [tokens, dimensions], rows.codes),
        tensor(STATIC_TABLE_NAMES.scales, ONNX_FLOAT32, [tokens, 1], rows.scales),
        tensor('tokens_axis', INT64, [1], BigInt64Array.of(1n)),
        tensor('norm_min', ONNX_FLOAT32, [1], Float32Array.of(1e-30)),
      ],
      node: [
        node('Gather', [STATIC_TABLE_NAMES.codes, 'token_ids'], 'codes'),
        node('Cast', ['codes'], 'codes_float', [{ name: 'to', type: AttributeProto.AttributeType.INT, i: ONNX_FLOAT32 }]),
        node('Gather', [STATIC_TABLE_NAMES.scales, 'token_ids'], 'scales'),
        node('Mul', ['codes_float', 'scales'], 'token_vectors'),
        node('ReduceSum', ['token_vectors', 'tokens_axis'], 'sums', [integer('keepdims', 0)]),
        node('ReduceL2', ['sums'], 'norms', [{ name: 'axes', type: AttributeProto.AttributeType.INTS, ints: [1] }, integer('keepdims', 1)]),
        node('Max', ['norms', 'norm_min'], 'divisors'),
        node('Div', ['sums', 'divisors'], 'embeddings'),
      ],
    },
  });
  return new Uint8Array(ModelProto.encode(model).finish());
}

const integer = (name: string, i: number) => ({ name, type: AttributeProto.AttributeType.INT, i });

const node = (opType: string, input: string[], output: string, attribute: onnxProto.onnx.IAttributeProto[] = []) => ({
  opType,
  name: output,
  input,
  output: [output],
  attribute,
});

const port = (name: string, elemType: number, dim: onnxProto.onnx.TensorShapeProto.IDimension[]) => ({
  name,
  type: { tensorType: { elemType, shape: { dim } } },
});

const tensor = (name: string, dataType: number, dims: number[], { buffer, byteOffset, byteLength }: ArrayBufferView) => ({
  name,
  dataType,
  dims,
  rawData: new Uint8Array(buffer, byteOffset, byteLength),
});
