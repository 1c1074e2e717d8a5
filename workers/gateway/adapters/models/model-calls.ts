import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { Counted, ModelCalls } from '../../../../src/inference/served/model-calls.ts';
import type { Metrics } from '../../pipeline/metrics.ts';
import { answered } from '../api/ask.ts';

const UNANSWERED = 'the inference Worker did not answer: repeat the call';

/** The inference Worker's calls about registered models: `unavailable` where it does not answer in time, or died of one. */
export function modelCalls(worker: ModelCalls, metrics: Metrics): ModelCalls {
  const leftMs = MODEL_LIMITS.modelCallTimeoutMs;
  const counted = async <T extends Counted>(call: () => Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const answer = await answered(call, leftMs, UNANSWERED);
    if (!answer.ok) return answer;
    const { tokens, sharedTexts } = answer.value;
    if (sharedTexts > 0) metrics.count('sluice_model_texts_total', { run: 'shared' }, sharedTexts);
    if (sharedTexts < tokens.length) metrics.count('sluice_model_texts_total', { run: 'own' }, tokens.length - sharedTexts);
    return answer;
  };
  return {
    readFolder: (...call) => answered(() => worker.readFolder(...call), MODEL_LIMITS.modelVerifyTimeoutMs, UNANSWERED),
    verify: (ref) => answered(() => worker.verify(ref), MODEL_LIMITS.modelVerifyTimeoutMs, UNANSWERED),
    embedTexts: (ref, texts, inputType, options) => counted(() => worker.embedTexts(ref, texts, inputType, { leftMs, ...options })),
    score: (ref, query, documents, options) => counted(() => worker.score(ref, query, documents, { leftMs, ...options })),
    classify: (ref, texts, options) => counted(() => worker.classify(ref, texts, { leftMs, ...options })),
    infer: (...call) => answered(() => worker.infer(...call), leftMs, UNANSWERED),
  };
}
