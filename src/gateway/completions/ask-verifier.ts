import type { Result } from '../../kernel/result.ts';
import type { VerifierCall } from '../../upstreams/cascade/verifier.ts';
import { verdictOf } from '../../upstreams/cascade/verifier.ts';
import type { Undispatched } from '../../upstreams/dispatch.ts';
import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import { AnswerNotes } from '../../upstreams/protocol/answer-notes.ts';
import { Exchanges } from '../../upstreams/protocol/exchange.ts';
import type { Target } from '../../upstreams/target.ts';
import type { ModelCharge } from '../../upstreams/money/settlement.ts';
import type { Completed, CompletionCall } from './completion-call.ts';
import type { PlannedCall, PlanServer } from './plan-server.ts';

/** What a verifier answers, from 0 to 1; NaN: it gives no verdict. */
export interface Verdict {
  readonly confidence: number;
  /** What asking it has cost. */
  readonly charges: readonly ModelCharge[];
}

/**
 * What of an answer a verifier may read: what goes to it leaves the deployment, as what goes to the caller does. Undefined: nothing. [U176]
 */
export const shownTo = ({ shown }: CompletionCall, text: string): Promise<string | undefined> =>
  shown === undefined ? Promise.resolve(text) : shown(text).catch(() => undefined);

/** Asks a verifier for a call, which pays for it. */
export async function askVerifier(server: PlanServer, planned: PlannedCall, verifier: Target, asked: VerifierCall): Promise<Verdict> {
  const { served, confidence } = await verdictFor(server, planned, verifier, asked);
  if (!served.ok || served.value.answer.kind !== 'whole') return { confidence: Number.NaN, charges: [] };
  return { confidence, charges: [{ target: verifier, settlement: served.value.settle(served.value.answer.end) }] };
}

/** The same with the answer, for those that settle it themselves. */
export async function verdictFor(
  server: PlanServer,
  { call, plan: { route }, nowMs }: Pick<PlannedCall, 'call' | 'plan' | 'nowMs'>,
  verifier: Target,
  asked: VerifierCall,
): Promise<{ readonly served: Result<Completed, Undispatched>; readonly confidence: number }> {
  const verifying: CompletionCall = { ...call, ...asked, headers: {} };
  const plan = { groups: [[verifier]], reason: 'verifier', ...(route === undefined ? {} : { route }) };
  const verdict = new AnswerNotes(ROUTE_LIMITS.cascadeHeldBytesMax);
  const served = await server.serve(
    { call: verifying, exchanges: new Exchanges({ ...verifying, nowMs }), plan, nowMs },
    { notes: verdict, asksProbabilities: true },
  );
  return { served, confidence: served.ok ? verdictOf(asked, verdict) : Number.NaN };
}
