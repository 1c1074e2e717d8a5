import { RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';

import { GUARDRAIL_LIMITS } from '../../src/contract/guardrails/guardrail-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import type { CompiledHook } from '../../src/upstreams/guardrails/compiled-hook.ts';
import { compileHooks } from '../../src/upstreams/guardrails/compiled-hook.ts';
import { GuardSession } from '../../src/upstreams/guardrails/guard-session.ts';
import type { GuardrailTerms } from '../../src/upstreams/guardrails/guardrail-policy.ts';
import type { ClassifierHook, Moderate } from '../../src/upstreams/guardrails/judge-classes.ts';
import { isOfUpstream } from '../../src/upstreams/guardrails/judge-classes.ts';
import { DISPOSE, disposeOf } from '../gateway/adapters/api/dispose.ts';
import { within } from '../gateway/adapters/api/ask.ts';
import type { Ask, Finding } from '../../src/upstreams/guardrails/guard.ts';
import { GuardrailClassifiers } from './guardrail-classifier.ts';
import { askWebhook } from './guardrail-webhook.ts';
import type { InferenceEnv } from './loaded-models.ts';
import { systemClock } from '../../durable-objects/system-time.ts';
import { letOthersCompute } from './compute-turns.ts';

/** By all that they are made of. The one that was used the longest time ago goes first. */
const compiled = new Map<string, Outcome<CompiledHook[]>>();

/** What the gateway calls over its service binding. */
export class GuardrailService extends WorkerEntrypoint<InferenceEnv> {
  /** Refuses what `compileHooks` and `GuardrailClassifiers` refuse. */
  async check(terms: GuardrailTerms): Promise<Outcome<null>> {
    const hooks = compileHooks(terms);
    return hooks.ok ? new GuardrailClassifiers(this.env).check(terms.policy) : hooks;
  }

  /** The guardrails of one call, until it is disposed of. */
  open(terms: GuardrailTerms, moderate?: ModerateStub): GuardTarget {
    const classifiers = new GuardrailClassifiers(this.env);
    // It is needed for longer than this call.
    const moderation = moderate?.dup();
    const stopped = new AbortController();
    const ask: Ask = async (hook, side, texts) => {
      if (stopped.signal.aborted) return undefined;
      if (hook.kind === 'webhook') return askWebhook(hook, side, texts, stopped.signal);
      return isOfUpstream(hook) ? askUpstream(hook, texts, moderation) : classifiers.judge(terms.policy.owner, hook, texts);
    };
    const release = (): void => moderation && disposeOf(moderation);
    return new GuardTarget(compiledOnce(terms), { ask, stop: () => stopped.abort(), release });
  }
}

/** What the hooks of one call ask. */
interface Outside {
  readonly ask: Ask;
  readonly stop: () => void;
  readonly release: () => void;
}

/** A `GuardSession` that is called from afar. */
class GuardTarget extends RpcTarget {
  readonly #hooks: Outcome<CompiledHook[]>;
  readonly #session: GuardSession;
  readonly #outside: Outside;

  constructor(hooks: Outcome<CompiledHook[]>, outside: Outside) {
    super();
    this.#outside = outside;
    this.#hooks = hooks;
    this.#session = new GuardSession({ hooks: hooks.ok ? hooks.value : [], ask: outside.ask, clock: systemClock, turn: letOthersCompute });
  }

  /** Refuses also where operators no longer allow the host of a webhook. */
  async requestText(...call: Parameters<GuardSession['requestText']>): ReturnType<GuardSession['requestText']> {
    const judged = await this.#session.requestText(...call);
    return this.#hooks.ok ? judged : { ...judged, body: this.#hooks };
  }

  answer(...call: Parameters<GuardSession['answer']>): ReturnType<GuardSession['answer']> {
    return this.#session.answer(...call);
  }

  shown(...call: Parameters<GuardSession['shown']>): ReturnType<GuardSession['shown']> {
    return this.#session.shown(...call);
  }

  push(...call: Parameters<GuardSession['push']>): ReturnType<GuardSession['push']> {
    return this.#session.push(...call);
  }

  end(): ReturnType<GuardSession['end']> {
    return this.#session.end();
  }

  stop(): void {
    this.#outside.stop();
  }

  [DISPOSE](): void {
    this.#session.stop();
    this.#outside.release();
  }
}

/** What the gateway asks a model of an upstream by, in the name of the call. */
type ModerateStub = Moderate & { dup(): Moderate };

/** Undefined: it gave no verdict in time. [U177] */
async function askUpstream(hook: ClassifierHook, texts: readonly string[], moderate: Moderate | undefined): Promise<Finding | undefined> {
  if (moderate === undefined) return undefined;
  return within(moderate(hook, texts), hook.timeout_ms).catch(() => undefined);
}

function compiledOnce(terms: GuardrailTerms): Outcome<CompiledHook[]> {
  const key = JSON.stringify(terms);
  const hooks = compiled.get(key) ?? compileHooks(terms);
  compiled.delete(key);
  compiled.set(key, hooks);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= GUARDRAIL_LIMITS.guardrailsCompiledMaxCount) break;
    compiled.delete(oldest);
  }
  return hooks;
}
