import type { Hook } from '../../contract/guardrails/guardrails.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { GuardrailPolicy, HookRecord } from '../../upstreams/guardrails/guardrail-policy.ts';
import type { GuardSession } from '../../upstreams/guardrails/guard-session.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';
import type { Moderate } from '../../upstreams/guardrails/judge-classes.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';

type Later<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;

/** The guardrails of one call, wherever they run: see `GuardSession`. */
export type GuardCalls = { readonly [K in 'requestText' | 'answer' | 'shown' | 'push' | 'end']: Later<GuardSession[K]> } & {
  /** Gives up what hooks have under way outside, and asks nothing more there: the call is called off. */
  stop(): void;
  /** Nothing more is judged. */
  close(): void;
};

/** Where guardrails run. */
export interface Guardrails {
  /** Refuses hooks that cannot mean what they say: see `compileHooks`. */
  check(owner: UpstreamOwner, hooks: readonly Hook[]): Promise<Outcome<null>>;
  /** `moderate`: asks models of upstreams for hooks that name one; absent: there are none. */
  open(policy: GuardrailPolicy, moderate?: Moderate): Promise<GuardCalls>;
}

/** What guardrails have done to a call, for its log. */
export interface GuardReport {
  /** As it went out; undefined: it was blocked, and nothing of it is to be kept. */
  readonly body: JsonObject | undefined;
  /** Grows until the answer has ended. */
  readonly records: readonly HookRecord[];
  /** What was masked is put back into the answer: it is not to be kept. */
  readonly restores: boolean;
}

/** Nothing of a call is kept that guardrails have yet to judge, whatever it is refused for. [U118] */
export const UNJUDGED: GuardReport = { body: undefined, records: [], restores: true };
