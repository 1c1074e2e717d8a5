import { CONTRACT_VERSION } from '../../../../src/contract/api/version.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { STATS_INSTEAD } from '../../../../src/contract/models/kserve-not-offered.ts';
import type { ListedModel } from '../../../../src/gateway/models/model-catalogue.ts';
import { datatypeOf } from '../../../../src/inference/kserve/datatype.ts';
import { textPorts } from '../../../../src/inference/kserve/text-tensors.ts';
import type { TensorPort } from '../../../../src/inference/tensor.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Call } from '../../pipeline/call.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { kserveEndpoints } from '../../../../src/contract/models/kserve.ts';
import { replied } from '../wire.ts';
import { infer } from './kserve-infer.ts';

/** What all calls about a model have. */
type AboutModel = Pick<Call<(typeof kserveEndpoints)['kserveModel']>, 'gateway' | 'principal' | 'requestId'>;

export const kserveHandlers = {
  kserveServer: async () => ({
    ok: true,
    reply: { name: 'sluice', version: CONTRACT_VERSION, extensions: ['binary_tensor_data', 'model_configuration', 'model_repository'] },
    used: {},
  }),
  kserveLive: async () => ({ ok: true, reply: { live: true as const }, used: {} }),
  kserveReady: ({ gateway }) => replied(gateway.readiness.check(), () => ({ ready: true as const })),
  kserveModels: listedModels,
  kserveModel: async (call) => {
    const found = await described(call, call.params.model);
    // Where Triton has the statistics of all models; here a model may have that name.
    const isOfStats = !found.ok && found.error.code === 'model_not_found' && call.params.model === 'stats';
    return isOfStats ? refuse('not_offered', `statistics are not offered: ${STATS_INSTEAD}`) : replied(found, metadataReply);
  },
  kserveVersion: (call) => replied(described(call, pinned(call.params)), metadataReply),
  kserveModelConfig: (call) => replied(described(call, call.params.model), configReply),
  kserveVersionConfig: (call) => replied(described(call, pinned(call.params)), configReply),
  kserveModelReady: (call) => ready(call, call.params.model),
  kserveVersionReady: (call) => ready(call, pinned(call.params)),
  kserveInfer: (call) => infer(call, call.params.model),
  kserveVersionInfer: (call) => infer(call, pinned(call.params)),
} satisfies Partial<Handlers>;

const pinned = ({ model, version }: { readonly model: string; readonly version: string }): string => `${model}@${version}`;

interface Described {
  readonly name: string;
  readonly version: string;
  readonly platform: 'onnxruntime_onnx' | 'sluice_text';
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
}

/** What a model takes and answers: a graph by its own inputs and outputs, a model of the deployment by texts. [M110] */
async function described({ gateway, principal, requestId }: AboutModel, model: string): Promise<Outcome<Described>> {
  const asked = { principal, model, requestKey: requestId };
  const deployed = await gateway.models.graphs.deployed(asked);
  if (!deployed.ok) return deployed;
  if (deployed.value !== undefined) {
    const { id: name, version, dimensions } = deployed.value;
    return ok({ name, version, platform: 'sluice_text' as const, ...textPorts(dimensions) });
  }
  const ports = await gateway.models.graphs.ports(asked);
  if (!ports.ok) return ports;
  const { ref, value } = ports.value;
  return ok({ name: ref.model, version: ref.version, platform: 'onnxruntime_onnx' as const, inputs: value.inputs, outputs: value.outputs });
}

const metadataReply = ({ name, version, platform, inputs, outputs }: Described) => ({
  name,
  versions: [version],
  platform,
  inputs: inputs.map(portReply),
  outputs: outputs.map(portReply),
});

/** KServe writes -1 for a dimension that calls choose. */
const portReply = ({ name, type, shape }: TensorPort) => ({ name, datatype: datatypeOf(type), shape: dimsOf(shape) });

const dimsOf = (shape: TensorPort['shape']): number[] => shape.map((length) => (typeof length === 'number' ? length : -1));

const configReply = ({ name, platform, inputs, outputs }: Described) => ({
  name,
  platform,
  backend: platform === 'onnxruntime_onnx' ? 'onnxruntime' : 'sluice',
  max_batch_size: 0 as const,
  input: inputs.map(configPort),
  output: outputs.map(configPort),
});

const configPort = ({ name, type, shape }: TensorPort) => ({
  name,
  data_type: type === 'string' ? 'TYPE_STRING' : `TYPE_${datatypeOf(type)}`,
  dims: dimsOf(shape),
});

async function ready({ gateway, principal, requestId }: AboutModel, model: string) {
  const asked = { principal, model, requestKey: requestId };
  const deployed = await gateway.models.graphs.deployed(asked);
  if (!deployed.ok) return deployed;
  if (deployed.value !== undefined) return { ok: true as const, reply: { name: deployed.value.id, ready: true as const }, used: {} };
  return replied(gateway.models.graphs.find(asked), ({ model: name }) => ({ name, ready: true as const }));
}

/** All pages of the list but models of upstreams, which take no tensors. Their number is bounded (`modelsMaxCount`). */
async function listedModels({ gateway, principal }: Pick<AboutModel, 'gateway' | 'principal'>) {
  const found: { name: string; version: string; state: 'READY'; reason: '' }[] = [];
  for (let after: string | undefined; ;) {
    const { items, hasMore } = await gateway.models.catalogue.list(principal, API_LIMITS.pageMaxCount, after);
    for (const { name, version } of items.flatMap(servedVersion)) found.push({ name, version, state: 'READY', reason: '' });
    after = nameOf(items.at(-1));
    if (!hasMore || after === undefined) return { ok: true as const, reply: found, used: {} };
  }
}

function servedVersion(model: ListedModel): { readonly name: string; readonly version: string }[] {
  if (model.kind === 'upstream') return [];
  if (model.kind === 'builtin') return [{ name: model.manifest.id, version: model.manifest.version }];
  const { model: registered, shown } = model.view;
  return registered.serving === null || shown === null ? [] : [{ name: registered.name, version: String(registered.serving) }];
}

function nameOf(model: ListedModel | undefined): string | undefined {
  if (model === undefined) return undefined;
  if (model.kind === 'upstream') return model.row.id;
  return model.kind === 'builtin' ? model.manifest.id : model.view.model.name;
}
