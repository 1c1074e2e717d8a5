import { CONTRACT_VERSION } from '../../../../src/contract/api/version.ts';
import { datatypeOf } from '../../../../src/inference/kserve/datatype.ts';
import { readTensors } from '../../../../src/inference/kserve/read-tensors.ts';
import { writeTensors } from '../../../../src/inference/kserve/write-tensors.ts';
import type { TensorPort } from '../../../../src/inference/tensor.ts';
import { tokensOfTensors } from '../../../../src/gateway/models/graph-calls.ts';
import type { Call } from '../../pipeline/call.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { kserveEndpoints } from '../../../../src/contract/models/kserve.ts';
import { replied } from '../wire.ts';

type Infer = Call<(typeof kserveEndpoints)['kserveInfer']>;
type VersionInfer = Call<(typeof kserveEndpoints)['kserveVersionInfer']>;
/** What all calls about a model have. */
type AboutModel = Pick<Call<(typeof kserveEndpoints)['kserveModel']>, 'gateway' | 'principal' | 'requestId'>;

export const kserveHandlers = {
  kserveServer: async () => ({
    ok: true,
    reply: { name: 'sluice', version: CONTRACT_VERSION, extensions: ['binary_tensor_data'] },
    used: {},
  }),
  kserveLive: async () => ({ ok: true, reply: undefined, used: {} }),
  kserveReady: ({ gateway }) => replied(gateway.readiness.check(), () => undefined),
  kserveModel: (call) => described(call, call.params.model),
  kserveVersion: (call) => described(call, pinned(call.params)),
  kserveModelReady: (call) => ready(call, call.params.model),
  kserveVersionReady: (call) => ready(call, pinned(call.params)),
  kserveInfer: (call) => infer(call, call.params.model),
  kserveVersionInfer: (call) => infer(call, pinned(call.params)),
} satisfies Partial<Handlers>;

const pinned = ({ model, version }: { readonly model: string; readonly version: string }): string => `${model}@${version}`;

async function described({ gateway, principal, requestId }: AboutModel, model: string) {
  const ports = await gateway.models.graphs.ports({ principal, model, requestKey: requestId });
  if (!ports.ok) return ports;
  const { ref, value } = ports.value;
  const reply = {
    name: ref.model,
    versions: [ref.version],
    platform: 'onnxruntime_onnx' as const,
    inputs: value.inputs.map(portReply),
    outputs: value.outputs.map(portReply),
  };
  return { ok: true as const, reply, used: {} };
}

/** KServe writes -1 for a dimension that calls choose. */
const portReply = ({ name, type, shape }: TensorPort) => ({
  name,
  datatype: datatypeOf(type),
  shape: shape.map((length) => (typeof length === 'number' ? length : -1)),
});

async function ready({ gateway, principal, requestId }: AboutModel, model: string) {
  const found = await gateway.models.graphs.find({ principal, model, requestKey: requestId });
  return found.ok ? { ok: true as const, reply: { name: found.value.model, ready: true as const }, used: {} } : found;
}

async function infer(call: Infer | VersionInfer, model: string) {
  const { gateway, principal, body, requestId } = call;
  const inputs = readTensors(body.inputs, body.bytesBehind);
  if (!inputs.ok) return inputs;
  const tokens = tokensOfTensors(inputs.value);
  const reserved = await call.reserve({ embedding_tokens: tokens });
  if (!reserved.ok) return reserved;
  const answered = await gateway.models.graphs.infer({
    principal,
    model,
    requestKey: body.id ?? requestId,
    inputs: inputs.value,
    outputs: body.outputs?.map(({ name }) => name),
  });
  if (!answered.ok) return answered;
  const { ref, value } = answered.value;
  const isBinary = new Map(body.outputs?.map(({ name, parameters }) => [name, parameters?.binary_data]));
  const byDefault = body.parameters?.binary_data_output ?? false;
  const { outputs, binary } = writeTensors(value, (name) => isBinary.get(name) ?? byDefault);
  return {
    ok: true as const,
    reply: { model_name: ref.model, model_version: ref.version, ...(body.id === undefined ? {} : { id: body.id }), outputs },
    bytesBehind: binary,
    used: { embedding_tokens: tokens },
    model: ref.model,
    headers: { 'x-sluice-model': `${ref.model}@${ref.version}` },
  };
}
