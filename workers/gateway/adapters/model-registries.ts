import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { ModelRegistries, ModelRegistryCalls } from '../../../src/gateway/models/model-registries.ts';
import type { ModelCalls } from '../../../src/inference/served/model-calls.ts';
import { within } from './ask.ts';

/** The registries of models as ports. A stub belongs to the request that made it, so each call makes its own. */
export const modelRegistries =
  (namespace: DurableObjectNamespace): ModelRegistries =>
  (owner) =>
    // As with every stub, the generated types lose what the class promises on the way.
    namespace.get(namespace.idFromName(owner)) as unknown as ModelRegistryCalls;

/** The inference Worker's calls about registered models: `unavailable` where it does not answer in time, or died of one. */
export function modelCalls(binding: Fetcher): ModelCalls {
  const worker = binding as unknown as ModelCalls;
  return {
    readFolder: (...call) => answered(worker.readFolder(...call), LIMITS.modelVerifyTimeoutMs),
    verify: (ref) => answered(worker.verify(ref), LIMITS.modelVerifyTimeoutMs),
    embedTexts: (...call) => answered(worker.embedTexts(...call), LIMITS.modelCallTimeoutMs),
    score: (...call) => answered(worker.score(...call), LIMITS.modelCallTimeoutMs),
    classify: (...call) => answered(worker.classify(...call), LIMITS.modelCallTimeoutMs),
    infer: (...call) => answered(worker.infer(...call), LIMITS.modelCallTimeoutMs),
  };
}

async function answered<T>(call: Promise<Outcome<T>>, limitMs: number): Promise<Outcome<T>> {
  try {
    return await within(call, limitMs);
  } catch {
    return refuse('unavailable', 'the inference Worker did not answer: repeat the call');
  }
}
