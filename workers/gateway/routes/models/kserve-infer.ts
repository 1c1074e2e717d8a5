import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { refusalAt } from '../../../../src/contract/api/errors.ts';
import { pathBelow } from '../../../../src/contract/api/field-path.ts';
import { pinnedName } from '../../../../src/contract/api/model-name.ts';
import { err } from '../../../../src/kernel/result.ts';
import { readTensors } from '../../../../src/inference/kserve/read-tensors.ts';
import { textsOf, vectorTensor } from '../../../../src/inference/kserve/text-tensors.ts';
import { writeTensors } from '../../../../src/inference/kserve/write-tensors.ts';
import type { ModelManifest } from '../../../../src/inference/model-manifest.ts';
import type { NamedTensor } from '../../../../src/inference/tensor.ts';
import { tokensOfTensors } from '../../../../src/gateway/models/graph-calls.ts';
import type { kserveEndpoints } from '../../../../src/contract/models/kserve.ts';
import type { Call } from '../../pipeline/call.ts';

type Infer = Call<(typeof kserveEndpoints)['kserveInfer']> | Call<(typeof kserveEndpoints)['kserveVersionInfer']>;

/** The tensors that a model makes of those of a call: a graph of any, a model of the deployment of texts. */
export async function infer(call: Infer, model: string) {
  const { gateway, principal, body, requestId } = call;
  const inputs = readTensors(body.inputs, body.bytesBehind);
  if (!inputs.ok) return inputs;
  const asked = { principal, model, requestKey: body.id ?? requestId };
  const deployed = await gateway.models.graphs.deployed(asked);
  if (!deployed.ok) return deployed;
  const outputs = body.outputs?.map(({ name }) => name);
  if (deployed.value !== undefined) return embedTexts(call, deployed.value, inputs.value, outputs);
  const tokens = tokensOfTensors(inputs.value);
  const reserved = await call.reserve({ embedding_tokens: tokens });
  if (!reserved.ok) return reserved;
  const answered = await gateway.models.graphs.infer({ ...asked, inputs: inputs.value, outputs });
  if (!answered.ok) return answered;
  const { ref, value } = answered.value;
  return answer(call, { name: ref.model, version: ref.version }, value, { embedding_tokens: tokens, embedding_cached_tokens: 0 });
}

/** [M110] The vectors of texts are those of `/v1/embeddings`. */
async function embedTexts(call: Infer, manifest: ModelManifest, tensors: readonly NamedTensor[], outputs: readonly string[] | undefined) {
  const texts = textsOf(tensors, outputs);
  if (!texts.ok) return texts;
  const { embeddings } = await call.gateway.embeddings();
  const embedded = await embeddings.anyEmbedder.embedInputs(
    {
      principal: call.principal,
      authority: call.authority,
      model: pinnedName(manifest),
      inputs: texts.value.map((text) => ({ kind: 'text', text })),
      directives: ANY_FRESH,
      reserve: (quantities) => call.reserve(quantities),
    },
    undefined,
  );
  if (!embedded.ok) return err(ofTensor(embedded.error));
  const { vectors, dimensions, tokens, cachedTokens } = embedded.value;
  const used = { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens };
  return answer(call, { name: manifest.id, version: manifest.version }, [vectorTensor(vectors, dimensions)], used);
}

/** A refusal of a text, by the field that it came in. */
function ofTensor(error: Refusal): Refusal {
  const below = pathBelow(error.path, ['input']);
  return below === undefined ? error : refusalAt(error, ['inputs', 0, 'data', ...below]);
}

interface Answering {
  readonly name: string;
  readonly version: string;
}

/** What a call has used, of both meters. */
export interface Used {
  readonly embedding_tokens: number;
  readonly embedding_cached_tokens: number;
}

function answer({ body }: Infer, { name, version }: Answering, tensors: readonly NamedTensor[], used: Used) {
  const isBinary = new Map(body.outputs?.map((output) => [output.name, output.parameters?.binary_data]));
  const byDefault = body.parameters?.binary_data_output ?? false;
  const { outputs, binary } = writeTensors(tensors, (tensor) => isBinary.get(tensor) ?? byDefault);
  return {
    ok: true as const,
    reply: { model_name: name, model_version: version, ...(body.id === undefined ? {} : { id: body.id }), outputs },
    bytesBehind: binary,
    used,
    model: name,
    headers: { 'x-sluice-model': `${name}@${version}` },
  };
}
