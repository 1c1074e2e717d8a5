import type { Refusal } from '../../contract/api/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Finding } from '../../upstreams/guardrails/guard.ts';
import type { GuardrailPolicy } from '../../upstreams/guardrails/guardrail-policy.ts';
import type { ClassifierHook } from '../../upstreams/guardrails/judge-classes.ts';
import { countModerated, piecesOf } from '../../upstreams/guardrails/judge-classes.ts';
import type { ModelCharge } from '../../upstreams/money/settlement.ts';
import { Exchanges, serves } from '../../upstreams/protocol/exchange.ts';
import type { VisibleTargets } from '../../upstreams/resolve.ts';
import { CancelSource } from '../../upstreams/serving/cancel-source.ts';
import { PLATFORM } from '../../upstreams/upstream-record.ts';
import type { CompletionCall } from './completion-call.ts';
import { findAmong } from '../upstreams/find-target.ts';
import type { PlanServer } from './plan-server.ts';

interface ModerationParts {
  readonly server: Pick<PlanServer, 'serve'>;
  readonly clock: Clock;
}

interface ModeratedCall {
  readonly call: CompletionCall;
  readonly targets: VisibleTargets;
}

/** A hook's question under way. */
interface Asking {
  readonly cancellation: CancelSource;
  readonly onEnd: (() => void)[];
}

/** What the hooks of one call ask of models that upstreams serve for `/v1/moderations`, and what that costs. [U177] */
export class UpstreamModeration {
  readonly #parts: ModerationParts;
  readonly #moderated: ModeratedCall;
  readonly #underWay = new Set<Asking>();
  #unpaid: Refusal | undefined;

  constructor(parts: ModerationParts, moderated: ModeratedCall) {
    this.#parts = parts;
    this.#moderated = moderated;
  }

  /** Why the call is refused: it cannot pay for what its hooks ask. */
  get unpaid(): Refusal | undefined {
    return this.#unpaid;
  }

  /** `owner`: of the route, which names models of its own; those of the platform's routes are the platform's, whatever a tenant calls its own. */
  async judge({ owner }: GuardrailPolicy, hook: ClassifierHook, texts: readonly string[]): Promise<Finding | undefined> {
    const asking: Asking = { cancellation: new CancelSource(this.#moderated.call.cancellation), onEnd: [] };
    this.#underWay.add(asking);
    try {
      return await this.#judged(owner, hook, texts, asking.cancellation);
    } finally {
      asking.cancellation.close();
      this.#underWay.delete(asking);
      for (const ended of asking.onEnd) ended();
    }
  }

  /** Calls off what hooks no longer wait for, and waits until it has ended: after that nothing of it is reserved or charged. [U185] */
  async over(): Promise<void> {
    if (this.#underWay.size === 0) return;
    const ends = [...this.#underWay].map(
      ({ cancellation, onEnd }) =>
        new Promise<void>((ended) => {
          onEnd.push(ended);
          cancellation.cancel();
        }),
    );
    await Promise.all(ends);
  }

  async #judged(
    owner: GuardrailPolicy['owner'],
    hook: ClassifierHook,
    texts: readonly string[],
    cancellation: CancelSource,
  ): Promise<Finding | undefined> {
    const { call, targets } = this.#moderated;
    const { own, platform } = targets;
    const target = findAmong(owner === PLATFORM ? platform : [...own, ...platform])(hook.model);
    if (target === undefined || !serves(target, 'moderations')) return undefined;
    const pieces = piecesOf(texts, target.model.contextTokens);
    if (pieces === undefined) return undefined;
    if (pieces.length === 0) return { count: 0 };
    // The time of a hook on the answer begins long after that of the call.
    const nowMs = this.#parts.clock.nowMs();
    let unpaid: Refusal | undefined;
    const asked: CompletionCall = {
      ...call,
      cancellation,
      surface: 'moderations',
      body: { model: target.model.name, input: pieces },
      headers: {},
      reserve: async (quantities) => {
        const reserved = await call.reserve(quantities);
        unpaid = reserved.ok ? undefined : reserved.error;
        return reserved;
      },
      // What is late for the hook is late for its model.
      origin: { headers: {}, place: {}, header: (name) => (name === 'x-sluice-deadline-ms' ? String(hook.timeout_ms) : undefined) },
    };
    const served = await this.#parts.server.serve({
      call: asked,
      exchanges: new Exchanges({ ...asked, nowMs }),
      plan: { groups: [[target]], reason: 'guardrail' },
      nowMs,
    });
    if (!served.ok) {
      // That the call cannot pay is no outage, which its hooks might overlook; what limits the upstream is one.
      this.#unpaid ??= unpaid;
      return undefined;
    }
    const { answer, settle, target: by } = served.value;
    if (answer.kind !== 'whole') return undefined;
    const charge: ModelCharge = { target: by, settlement: settle(answer.end) };
    call.added.moderated(charge);
    return countModerated(answer.text, pieces.length, hook.thresholds);
  }
}
