import type { RegisteredModelReply } from '../../../../src/contract/pools/agent-models.ts';
import type { ModelRef } from '../../../../src/inference/served-manifest.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { digestHeaders } from '../files/artifacts.ts';
import { holdOf } from './pools.ts';
import { replied } from '../wire.ts';

/** What agents read of the registered models of their attempts. */
export const attemptModelHandlers = {
  readAttemptModel: ({ gateway, principal, params, query }) =>
    replied(gateway.heavy.attemptModels.find(holdOf(principal, params, query)), (found) =>
      'deployed' in found ? found : modelReply(found),
    ),
  readAttemptModelFile: async ({ gateway, principal, params, query }) => {
    const found = await gateway.heavy.attemptModels.file(holdOf(principal, params, query), query.sha256);
    return found.ok ? { ok: true, reply: found.value.content, headers: digestHeaders(found.value.file), used: {} } : found;
  },
} satisfies Partial<Handlers>;

const modelReply = ({ model, version, manifest }: ModelRef): RegisteredModelReply => ({
  model,
  version,
  task: manifest.task,
  graph: manifest.graph,
  external_data: [...manifest.externalData],
  tokens_max: manifest.tokensMax,
  dimensions: manifest.dimensions,
  pooling: manifest.pooling,
  normalised: manifest.isNormalised,
  labels: [...manifest.labels],
  activation: manifest.activation,
  prompts: { ...manifest.prompts },
  files: manifest.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
  contract_hash: manifest.contractHash,
});
