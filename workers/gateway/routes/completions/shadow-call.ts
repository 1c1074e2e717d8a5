import { ERRORS, statusOf } from '../../../../src/contract/api/errors.ts';
import type { Reservation } from '../../../../src/gateway/tenancy/budget.ts';
import type { CompletionCall } from '../../../../src/gateway/completions/completion-call.ts';
import type { GuardReport } from '../../../../src/gateway/guardrails/guardrails.ts';
import type { LoggedCallFacts } from '../../../../src/gateway/requests/logged-call.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { NO_QUANTITIES, quantitiesOf } from '../../../../src/upstreams/money/settlement.ts';
import { targetName } from '../../../../src/upstreams/target.ts';
import type { Cancellation } from '../../../../src/upstreams/transport.ts';
import type { Upstreams } from '../../compose-upstreams.ts';

/** Stands for the path in the usage of calls that Sluice made itself. */
const SHADOW_ROUTE = 'shadow';

interface Shadow {
  readonly facts: LoggedCallFacts & { readonly guarded: GuardReport | undefined; readonly prompt: string | undefined };
  readonly serve: Parameters<CompletionCall['shadow']>[0];
  readonly onSettled: Parameters<CompletionCall['shadow']>[1];
  readonly cancellation: Cancellation;
}

/**
 * A call whose answer the caller does not get: it has a reservation and an entry of the log of its own. Its answer is not kept, as no guardrail has
 * judged it. [U118] [U174]
 */
export async function shadowCall(
  gateway: Pick<Upstreams, 'logCall' | 'budget'>,
  { facts: { guarded, prompt, ...facts }, serve, onSettled, cancellation }: Shadow,
): Promise<void> {
  const logged = gateway.logCall({ ...facts, requestId: `${facts.requestId}-shadow`, isShadow: true });
  logged.prompted(prompt);
  if (guarded !== undefined) logged.guarded({ ...guarded, records: [] });
  let reservation: Reservation | undefined;
  const served = await serve(async (quantities) => {
    const reserved = await gateway.budget.reserve(facts.principal, quantities);
    if (reserved.ok) reservation = reserved.value;
    return reserved.ok ? ok(undefined) : reserved;
  }, cancellation).catch((defect: unknown) => {
    // The reservation is returned, as for a call that failed.
    reservation?.settle(NO_QUANTITIES, { route: SHADOW_ROUTE });
    throw defect;
  });
  if (!served.ok || served.value.answer.kind !== 'whole') {
    const { refusal, attempts } = served.ok ? { refusal: undefined, attempts: [] } : served.error;
    const { code } = refusal ?? { code: 'internal_error' as const };
    logged.ended({ status: refusal === undefined ? ERRORS[code].status : statusOf(refusal), code, attempts });
    return logged.settled(reservation?.settle(NO_QUANTITIES, { route: SHADOW_ROUTE }) ?? 0);
  }
  const { target, plan, attempts, answer, settle, reuse } = served.value;
  const settlement = settle(answer.end);
  logged.ended({ status: 200, target, plan, attempts, ...(reuse === undefined ? {} : { reuse }) }, settlement);
  const nano = reservation?.settle(quantitiesOf(settlement), { route: SHADOW_ROUTE, model: targetName(target) }) ?? 0;
  logged.settled(nano);
  onSettled(nano);
}
