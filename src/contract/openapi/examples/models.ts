import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import { answered } from './example.ts';
import type { ExampleOf } from './example.ts';

const model = 'halves';
const params = { model };
const version = { model, version: 1 };

/** A model that is registered, and what may be done with it. Its file is no graph, so no version of it comes to serve. */
export const modelExamples = {
  createModel: {
    as: 'tenant',
    body: {
      name: model,
      task: 'graph',
      files: [{ path: 'onnx/model.onnx', file: answered('uploadFile', 'id') }],
      graph: 'onnx/model.onnx',
    },
  },
  listModelVersions: { as: 'tenant', params },
  getModelVersion: { as: 'tenant', params: version },
  readModelVersionFile: { as: 'tenant', params: version, query: { sha256: '0'.repeat(64) }, refused: 'file_not_found' },
  promoteModel: { as: 'tenant', params, body: { version: 2, share: 0.1 }, refused: 'model_not_found' },
  rollbackModel: { as: 'tenant', params, refused: 'state_conflict' },
  setModelAlias: { as: 'tenant', params: { model: 'glove-sif-100', model_alias: 'text-embedding-3-small' }, body: {} },
  removeModelAlias: { as: 'tenant', params: { model: 'glove-sif-100', model_alias: 'text-embedding-3-small' } },
  kserveServer: { as: 'tenant' },
  kserveLive: { as: 'tenant' },
  kserveReady: { as: 'tenant' },
  kserveModel: { as: 'tenant', params, refused: 'model_not_found' },
  kserveModelReady: { as: 'tenant', params, refused: 'model_not_found' },
  kserveVersion: { as: 'tenant', params: { model, version: '1' }, refused: 'model_not_found' },
  kserveVersionReady: { as: 'tenant', params: { model, version: '1' }, refused: 'model_not_found' },
  kserveInfer: {
    as: 'tenant',
    params,
    body: { inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [3, 4] }] },
    refused: 'model_not_found',
  },
  kserveVersionInfer: {
    as: 'tenant',
    params: { model, version: '1' },
    body: { inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [3, 4] }] },
    refused: 'model_not_found',
  },
  classify: { as: 'tenant', body: { model, input: 'a canal through the hills' }, refused: 'model_not_found' },
  listModelEvents: { as: 'tenant', params },
  retireModelVersion: { as: 'tenant', params: version },
  deleteModel: { as: 'tenant', params },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
