import type { Hook } from '../../src/contract/guardrails/guardrails.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { Finding } from '../../src/upstreams/guardrails/guard.ts';
import type { GuardrailPolicy } from '../../src/upstreams/guardrails/guardrail-policy.ts';
import type { ClassifierHook } from '../../src/upstreams/guardrails/judge-classes.ts';
import { countAbove, isOfUpstream, piecesOf, strangeLabel } from '../../src/upstreams/guardrails/judge-classes.ts';
import { within } from '../gateway/adapters/api/ask.ts';
import type { InferenceEnv } from './loaded-models.ts';
import { modelsOf } from './loaded-models.ts';
import { findRegistered } from './registered-models.ts';

/** The registered classifiers that hooks name: those of the route's owner, else the platform's. [U119] */
export class GuardrailClassifiers {
  readonly #env: InferenceEnv;

  constructor(env: InferenceEnv) {
    this.#env = env;
  }

  /** Refuses hooks whose model is no classifier that serves, or lacks a label that they name, by their field. */
  async check({ owner, hooks }: GuardrailPolicy): Promise<Outcome<null>> {
    for (const [at, hook] of hooks.entries()) {
      if (hook.kind !== 'classifier' || isOfUpstream(hook)) continue;
      const path = ['guardrails', at];
      const found = await this.#find(owner, hook);
      if (!found.ok) return err({ ...found.error, path: [...path, 'model'] });
      const { labels } = found.value.manifest;
      const strange = strangeLabel(hook, labels);
      if (strange !== undefined)
        return refuse('invalid_value', `is no label of ${hook.model}, which has ${labels.join(', ')}`, [...path, 'thresholds', strange]);
    }
    return ok(null);
  }

  /** Undefined: it gave no verdict in time, or the texts are more than it judges. */
  async judge(owner: GuardrailPolicy['owner'], hook: ClassifierHook, texts: readonly string[]): Promise<Finding | undefined> {
    try {
      return await within(this.#judged(owner, hook, texts), hook.timeout_ms);
    } catch {
      return undefined;
    }
  }

  async #judged(owner: GuardrailPolicy['owner'], hook: ClassifierHook, texts: readonly string[]): Promise<Finding | undefined> {
    const found = await this.#find(owner, hook);
    if (!found.ok) return undefined;
    const pieces = piecesOf(texts, found.value.manifest.tokensMax);
    if (pieces === undefined) return undefined;
    if (pieces.length === 0) return { count: 0 };
    const classes = await modelsOf(this.#env).registered.classify(found.value, pieces, { leftMs: hook.timeout_ms });
    if (!classes.ok) return undefined;
    const tokens = classes.value.tokens.reduce((sum, count) => sum + count, 0);
    return { count: countAbove(classes.value, hook.thresholds), tokens };
  }

  async #find(owner: GuardrailPolicy['owner'], { model }: Extract<Hook, { kind: 'classifier' }>): Promise<Outcome<ModelRef>> {
    const found = await findRegistered(this.#env, owner, model);
    if (!found.ok) return found;
    const { manifest } = found.value;
    return manifest.task === 'classifier' ? found : refuse('invalid_value', `${model} is no classifier: its task is ${manifest.task}`);
  }
}
