import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { BreakerState } from '../../contract/routes/route-conditions.ts';
import type { ExplanationReply } from '../../contract/routes/routes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { GuardrailPolicy } from '../../upstreams/guardrails/guardrail-policy.ts';
import type { CanaryTally } from '../../upstreams/routes/canary-tally.ts';
import type { RequestFacts } from '../../upstreams/routes/request-facts.ts';
import { factsOfCall } from '../../upstreams/routes/facts-of-call.ts';
import { planByRoute } from '../../upstreams/routes/route-plan.ts';
import { armOf } from '../../upstreams/routes/serving-arm.ts';
import type { Surface } from '../../upstreams/protocol/surfaces.ts';
import { SURFACES } from '../../upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { CascadeRun } from '../../upstreams/cascade/cascade-decision.ts';
import type { CascadeTally } from '../../upstreams/cascade/cascade-tally.ts';
import type { GuardReport } from '../guardrails/guardrails.ts';
import { UNJUDGED } from '../guardrails/guardrails.ts';
import { cascadeRun } from './cascade-run.ts';
import { explanationOf } from './explain-route.ts';
import { findAmong } from '../upstreams/find-target.ts';
import type { ReuseEvidence } from './reuse-evidence.ts';
import type { ReuseRun } from './reuse-run.ts';
import { reuseRun } from './reuse-run.ts';
import type { RouteDirectory } from './route-directory.ts';

interface RouterParts {
  readonly directory: RouteDirectory;
  readonly tally: CanaryTally;
  readonly cascades: CascadeTally;
  readonly evidence: Pick<ReuseEvidence, 'of' | 'note'>;
  readonly clock: Clock;
  /** How the circuit breaker of a target stands in this isolate. */
  readonly breaker: (target: Target) => BreakerState;
  /** What is left of a caller's tightest spend limit, as this isolate last read it; undefined: no limit is known. */
  readonly budgetLeft: (principal: TenantPrincipal) => RequestFacts['budget'];
}

/** The parts of a call that rules can test, besides its body. */
export interface CallOrigin {
  /** One header, by its name in lower case. Reading all of them costs much more. */
  readonly header: (name: string) => string | undefined;
  /** All of them, for rules. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it came in: to read that costs as much as ten headers, and only rules ask for it. */
  readonly place: { readonly country?: string; readonly continent?: string; readonly colo?: string };
}

/** A call whose model may be a route. */
export interface RoutedCall {
  readonly surface: Surface;
  readonly body: JsonObject;
  readonly principal: TenantPrincipal;
  readonly requestId: string;
  /** How and from where it came. */
  readonly origin: CallOrigin;
  /** Takes that guardrails will judge it, as soon as that is known. */
  readonly onGuarded?: (report: GuardReport) => void;
}

/** What a route decided of one call. */
export interface Routed {
  readonly plan: Plan;
  readonly outputTokensMax?: number;
  /** Of the version that decided, if it has any. */
  readonly guardrails?: GuardrailPolicy;
  /** Whether, and how, answers may be given to other questions. */
  readonly reuse?: ReuseRun;
  /** Of a plan with a cascade. */
  readonly cascade?: CascadeRun;
  /** Made when it is asked for: most calls do not. */
  explain(): ExplanationReply;
  /** To be called once, when the call has ended, but for one that its caller gave up or made wrong; `elapsedMs`: until its first piece. */
  ended(failed: boolean, elapsedMs: number): void;
}

/** Decides by the routes of a tenant and of the platform which targets serve a call. */
export class ModelRouter {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** `targets`: those that the caller may use, its own first. Undefined: the model that the call names is no route. */
  async plan(call: RoutedCall, targets: readonly Target[]): Promise<Outcome<Routed | undefined>> {
    const { directory, tally, cascades, evidence, clock, breaker, budgetLeft } = this.#parts;
    const name = call.body['model'];
    if (typeof name !== 'string') return ok(undefined);
    const found = await directory.find(call.principal.tenantId, name);
    if (!found.ok) return found;
    if (found.value === undefined) return ok(undefined);
    const { owner, route } = found.value;
    const find = findAmong(targets);
    const { tenantId, projectId, keyId } = call.principal;
    const { requestId } = call;
    const { headers, place } = call.origin;
    const left = budgetLeft(call.principal);
    const facts = factsOfCall(call.body, {
      ...place,
      headers,
      requestId,
      tenantId,
      projectId,
      keyId,
      kind: SURFACES[call.surface].served[0],
      nowMs: clock.nowMs(),
      breaker: (target) => {
        const known = find(target);
        return known === undefined ? 'closed' : breaker(known);
      },
      ...(left === undefined ? {} : { budget: left }),
    });
    const arm = armOf(route, facts);
    const { guardrails: hooks = [], answer_reuse: reuse } = arm.rules;
    if (hooks.length > 0) call.onGuarded?.(UNJUDGED);
    const planned = planByRoute(arm, facts, find);
    if (!planned.ok) return planned;
    const { plan, outputTokensMax } = planned.value;
    return ok({
      plan: arm.isCanary ? { ...plan, reason: `canary/${plan.reason}` } : plan,
      ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
      ...(reuse === undefined ? {} : { reuse: reuseRun(reuse, { tenantId, owner, arm, facts, find, evidence }) }),
      ...(hooks.length === 0 ? {} : { guardrails: { name: `${arm.name}@${arm.version}`, owner, hooks } }),
      ...(plan.cascade === undefined ? {} : { cascade: cascadeRun(plan.cascade, { owner, route, facts, cascades }) }),
      explain: () => explanationOf(arm, facts, planned),
      ended: (failed, elapsedMs) => tally.count({ owner, route, isCanary: arm.isCanary, failed, elapsedMs }),
    });
  }
}
