import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { ModelRegistries, ModelRegistryCalls } from '../../../src/gateway/models/model-registries.ts';
import type { Counted, ModelCalls } from '../../../src/inference/served/model-calls.ts';
import type { Metrics } from '../metrics.ts';
import { within } from './ask.ts';

/** The registries of models as ports. A stub belongs to the request that made it, so each call makes its own. */
export const modelRegistries =
  (namespace: DurableObjectNamespace): ModelRegistries =>
  (owner) =>
    // As with every stub, the generated types lose what the class promises on the way.
    namespace.get(namespace.idFromName(owner)) as unknown as ModelRegistryCalls;

/** The inference Worker's calls about registered models: `unavailable` where it does not answer in time, or died of one. */
export function modelCalls(binding: Fetcher, metrics: Metrics): ModelCalls {
  const worker = binding as unknown as ModelCalls;
  const leftMs = LIMITS.modelCallTimeoutMs;
  const counted = async <T extends Counted>(call: Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const answer = await answered(call, leftMs);
    if (!answer.ok) return answer;
    const { tokens, sharedTexts } = answer.value;
    if (sharedTexts > 0) metrics.count('sluice_model_texts_total', { run: 'shared' }, sharedTexts);
    if (sharedTexts < tokens.length) metrics.count('sluice_model_texts_total', { run: 'own' }, tokens.length - sharedTexts);
    return answer;
  };
  return {
    readFolder: (...call) => answered(worker.readFolder(...call), LIMITS.modelVerifyTimeoutMs),
    verify: (ref) => answered(worker.verify(ref), LIMITS.modelVerifyTimeoutMs),
    embedTexts: (ref, texts, inputType, options) => counted(worker.embedTexts(ref, texts, inputType, { leftMs, ...options })),
    score: (ref, query, documents, options) => counted(worker.score(ref, query, documents, { leftMs, ...options })),
    classify: (ref, texts, options) => counted(worker.classify(ref, texts, { leftMs, ...options })),
    infer: (...call) => answered(worker.infer(...call), leftMs),
  };
}

async function answered<T>(call: Promise<Outcome<T>>, limitMs: number): Promise<Outcome<T>> {
  try {
    return await within(call, limitMs);
  } catch {
    return refuse('unavailable', 'the inference Worker did not answer: repeat the call');
  }
}
