import type { GuardCalls, Guardrails } from '../../../src/gateway/upstreams/guardrails.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { GuardrailTerms } from '../../../src/upstreams/guardrails/guardrail-policy.ts';
import type { UpstreamHosts } from '../../../src/upstreams/upstream-host.ts';

/** What of the inference Worker's `GuardrailService` is called here: its types are of the platform's remote calls. */
export interface GuardrailBinding {
  check(terms: GuardrailTerms): Promise<Outcome<null>>;
  open(terms: GuardrailTerms): Promise<Omit<GuardCalls, 'close'>>;
}

/** `Symbol.dispose`, which the libraries of this language level do not name: without it the other Worker keeps what was opened. */
const DISPOSE = (Symbol as unknown as { readonly dispose: symbol }).dispose;

/** Guardrails run in the inference Worker: what they compile is large, and patterns of tenants run where no secrets are. */
export const guardrailsOf = (service: GuardrailBinding, hosts: UpstreamHosts): Guardrails => ({
  check: (owner, hooks) => service.check({ policy: { name: '', owner, hooks }, hosts }),
  open: async (policy) => {
    const session = await service.open({ policy, hosts });
    return {
      request: (body) => session.request(body),
      answer: (text) => session.answer(text),
      shown: (text) => session.shown(text),
      push: (dialect, requestId, piece) => session.push(dialect, requestId, piece),
      end: () => session.end(),
      close: () => (session as unknown as Record<symbol, () => void>)[DISPOSE]?.(),
    };
  },
});
