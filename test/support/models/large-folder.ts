import onnxProto from 'onnx-proto';

import { encodeModel } from './bert-graph.ts';
import type { Folder } from './model-folder.ts';

const { ModelProto, TensorProto } = onnxProto.onnx;

/**
 * The same model with a table outside of its graph, as large as `bytes`, that no text reads: its vectors are those of the model, and its files
 * are those of a large one.
 */
export function withLargeTable(folder: Folder, bytes: number): Folder {
  const model = ModelProto.decode(folder.get('onnx/model.onnx') ?? new Uint8Array());
  const table = {
    name: 'table',
    dataType: TensorProto.DataType.FLOAT,
    dims: [bytes / 4],
    dataLocation: TensorProto.DataLocation.EXTERNAL,
    externalData: Object.entries({ location: 'model.onnx_data', offset: '0', length: String(bytes) }).map(([key, value]) => ({
      key,
      value,
    })),
  };
  model.graph?.initializer?.push(TensorProto.create(table));
  return new Map([...folder, ['onnx/model.onnx', encodeModel(model)], ['onnx/model.onnx_data', new Uint8Array(bytes)]]);
}
