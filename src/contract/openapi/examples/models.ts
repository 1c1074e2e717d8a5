import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import { answered } from './example.ts';
import type { ExampleOf } from './example.ts';

const model = 'halves';
const params = { model };
const version = { model, version: 1 };
const deployed = { model: 'glove-sif-100' };
const deployedVersion = { model: 'glove-sif-100', version: '2' };
const texts = { inputs: [{ name: 'text', shape: [1], datatype: 'BYTES', data: ['a canal through the hills'] }] } as const;

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
  kserveModels: { as: 'tenant' },
  kserveModel: { as: 'tenant', params: deployed },
  kserveModelReady: { as: 'tenant', params: deployed },
  kserveModelConfig: { as: 'tenant', params: deployed },
  kserveVersion: { as: 'tenant', params: deployedVersion },
  kserveVersionReady: { as: 'tenant', params: deployedVersion },
  kserveVersionConfig: { as: 'tenant', params: deployedVersion },
  kserveInfer: { as: 'tenant', params: deployed, body: texts },
  kserveVersionInfer: { as: 'tenant', params: deployedVersion, body: texts },
  classify: { as: 'tenant', body: { model, input: 'a canal through the hills' }, refused: 'model_not_found' },
  listModelEvents: { as: 'tenant', params },
  retireModelVersion: { as: 'tenant', params: version },
  deleteModel: { as: 'tenant', params },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
