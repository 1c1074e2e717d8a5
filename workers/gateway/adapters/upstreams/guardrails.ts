import type { GuardCalls, Guardrails } from '../../../../src/gateway/guardrails/guardrails.ts';
import type { Moderate } from '../../../../src/upstreams/guardrails/judge-classes.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { GuardrailTerms } from '../../../../src/upstreams/guardrails/guardrail-policy.ts';
import { isOfUpstream } from '../../../../src/upstreams/guardrails/judge-classes.ts';
import { disposeOf } from '../api/dispose.ts';
import type { UpstreamHosts } from '../../../../src/upstreams/upstream-host.ts';

/** What of the inference Worker's `GuardrailService` is called here: its types are of the platform's remote calls. */
export interface GuardrailBinding {
  check(terms: GuardrailTerms): Promise<Outcome<null>>;
  open(terms: GuardrailTerms, moderate: Moderate | undefined): Promise<Omit<GuardCalls, 'close' | 'stop'> & { stop(): Promise<void> }>;
}

/** Guardrails run in the inference Worker: what they compile is large, and patterns of tenants run where no secrets are. */
export const guardrailsOf = (service: GuardrailBinding, hosts: UpstreamHosts): Guardrails => ({
  check: (owner, hooks) => service.check({ policy: { name: '', owner, hooks }, hosts }),
  open: async (policy, moderate) => {
    const asksUpstreams = policy.hooks.some((hook) => hook.kind === 'classifier' && isOfUpstream(hook));
    const session = await service.open({ policy, hosts }, asksUpstreams ? moderate : undefined);
    return {
      requestText: (text) => session.requestText(text),
      answer: (text) => session.answer(text),
      shown: (text) => session.shown(text),
      push: (dialect, requestId, piece) => session.push(dialect, requestId, piece),
      end: () => session.end(),
      // What cannot be reached has nothing under way.
      stop: () => void session.stop().catch(() => undefined),
      close: () => disposeOf(session),
    };
  },
});
