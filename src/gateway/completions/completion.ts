import type { Sha256 } from '../../cache/cache-key.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { Dispatcher, Undispatched } from '../../upstreams/dispatch.ts';
import type { GuardrailPolicy } from '../../upstreams/guardrails/guardrail-policy.ts';
import { Exchanges } from '../../upstreams/protocol/exchange.ts';
import { SURFACES } from '../../upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import type { VisibleTargets } from '../../upstreams/resolve.ts';
import { resolve } from '../../upstreams/resolve.ts';
import type { Plan } from '../../upstreams/target.ts';
import type { UpstreamTransport } from '../../upstreams/transport.ts';
import { CascadedCompletions } from './cascaded-completion.ts';
import type { CompletionCache } from './completion-cache.ts';
import type { Completed, CompletionCall, Uncompleted } from './completion-call.ts';
import type { CompletionEnd } from './answer-pieces.ts';
import type { ModelRouter, Routed } from '../routes/model-router.ts';
import type { PlannedCall } from './plan-server.ts';
import { PlanServer, unserved } from './plan-server.ts';
import type { PromptCount } from './prompt-counts.ts';
import { PromptCounts } from './prompt-counts.ts';
import type { QuestionEmbedder } from '../routes/question-embedder.ts';
import { ReusedAnswers } from './reused-answers.ts';
import type { ReplicaGroups } from '../upstreams/replica-groups.ts';
import type { SchemaJudge } from '../guardrails/schema-judge.ts';
import type { TokenCounts } from './token-counts.ts';
import { UpstreamModeration } from './upstream-moderation.ts';

export interface CompletionParts {
  readonly targets: (principal: TenantPrincipal) => Promise<Outcome<VisibleTargets>>;
  readonly router: Pick<ModelRouter, 'plan'>;
  readonly dispatcher: Dispatcher;
  readonly transport: UpstreamTransport;
  readonly clock: Clock;
  readonly tokens: Pick<TokenCounts, 'count'>;
  /** Absent: no target is a replica of a job. */
  readonly groups?: Pick<ReplicaGroups, 'awake'>;
  readonly cache: Pick<CompletionCache, 'open'>;
  readonly embedder: QuestionEmbedder;
  readonly sha256: Sha256;
  readonly wakeUps: WakeUps;
  readonly guard: CompletionGuard;
  /** Judges the answers of students. */
  readonly judge: Pick<SchemaJudge, 'accepts'>;
}

/** What the hooks of one call ask of models of upstreams. */
export type Moderation = Pick<UpstreamModeration, 'judge' | 'unpaid' | 'over'>;

/**
 * Judges a call by the guardrails of its route. `serve` gets the body as it may go out, what answers what of the answer's texts other models may read, and
 * what hooks have cost until then, in nano-dollars.
 */
export interface CompletionGuard {
  complete(
    policy: GuardrailPolicy,
    planned: Pick<PlannedCall, 'call' | 'nowMs'>,
    moderation: Moderation,
    serve: (body: JsonObject, shown: CompletionCall['shown'], spentNano: number) => Promise<Result<Completed, Undispatched>>,
  ): ReturnType<typeof serve>;
}

/**
 * A call to a model that others serve, from its plan to the last byte of its answer: resolved, translated, dispatched, passed on. Each stage
 * decides one thing and knows nothing of the others.
 */
export class Completions {
  readonly #parts: CompletionParts;
  readonly #server: PlanServer;
  readonly #cascades: CascadedCompletions;
  readonly #reuses: ReusedAnswers;
  readonly #counts: PromptCounts;

  constructor(parts: CompletionParts) {
    this.#parts = parts;
    this.#server = new PlanServer(parts);
    this.#counts = new PromptCounts({ server: this.#server, tokens: parts.tokens });
    this.#reuses = new ReusedAnswers({ ...parts, server: this.#server });
    this.#cascades = new CascadedCompletions({ server: this.#server, judge: parts.judge, clock: parts.clock });
  }

  /** Refuses with the plan and the attempts that were made. */
  async complete(asked: CompletionCall): Promise<Result<Completed, Uncompleted>> {
    const nowMs = this.#parts.clock.nowMs();
    const planned = await this.#planOf(asked, nowMs);
    if (!planned.ok) return unserved(planned.error, []);
    const completed = await this.#judged(planned.value);
    return completed.ok ? completed : err({ ...completed.error, plan: planned.value.plan });
  }

  /** How many tokens the prompt of a call has at the model that would serve it. Nothing is charged. [U233] */
  async countTokens(asked: CountedCall): Promise<Result<PromptCount, Undispatched>> {
    const planned = await this.#planOf(asked, this.#parts.clock.nowMs());
    if (!planned.ok) return unserved(planned.error, []);
    return this.#counts.count(planned.value, planned.value.routed?.guardrails !== undefined);
  }

  /** By the guardrails of the route, if it has any. */
  async #judged(planned: RoutedPlannedCall): Promise<Result<Completed, Undispatched>> {
    const { routed, nowMs } = planned;
    const policy = routed?.guardrails;
    if (policy === undefined) return this.#answered(planned);
    const moderation = new UpstreamModeration({ server: this.#server, clock: this.#parts.clock }, planned);
    return this.#parts.guard.complete(policy, planned, moderation, (body, shown, spentNano) => {
      const call = { ...planned.call, body, shown };
      return this.#answered({ ...planned, call, exchanges: new Exchanges({ ...call, nowMs }), spentNano });
    });
  }

  /** From the cache, if the call asks for that, else from a target of the plan. */
  async #answered(planned: RoutedPlannedCall): Promise<Result<Completed, Undispatched>> {
    const { call, routed } = planned;
    if (call.cacheTerms === undefined) return this.#serve(planned);
    const cached = await this.#parts.cache.open(planned, call.cacheTerms, (spentNano) => this.#serve({ ...planned, spentNano }));
    const answered = routed?.reuse === undefined ? await cached.exact() : await this.#reuses.complete(cached, planned, routed.reuse);
    return answered.ok ? ok({ ...answered.value, routed }) : answered;
  }

  /** By the targets of the plan, or of a cascade by those that it decides for. */
  async #serve(planned: RoutedPlannedCall): Promise<Result<Completed, Undispatched>> {
    const { call, plan, routed } = planned;
    const onEnd = (end: CompletionEnd['end'], elapsedMs: number): void => {
      if (end !== 'cancelled' && !call.cancellation.isCancelled) routed?.ended(end !== 'whole', elapsedMs);
    };
    const { cascade } = plan;
    const run = routed?.cascade;
    const served =
      cascade === undefined || run === undefined
        ? await this.#server.serve(planned, { onEnd })
        : await this.#cascades.complete(planned, { terms: cascade, run, onEnd });
    return served.ok ? ok({ ...served.value, routed }) : served;
  }

  /** The route that the model of the call names, else the model itself: what goes out, and to which targets it can be said. */
  async #planOf<C extends CountedCall>(asked: C, nowMs: number): Promise<Outcome<Omit<RoutedPlannedCall, 'call'> & { readonly call: C }>> {
    const visible = await this.#parts.targets(asked.principal);
    if (!visible.ok) return visible;
    const found = await this.#parts.router.plan(asked, [...visible.value.own, ...visible.value.platform]);
    if (!found.ok) return found;
    const routed = found.value;
    const call = routed === undefined ? asked : { ...asked, body: routedBody(asked, routed) };
    const exchanges = new Exchanges({ ...call, nowMs });
    const plan = fittingPlan(
      routed === undefined ? resolve(visible.value, String(call.body['model']), call.surface) : ok(routed.plan),
      exchanges,
    );
    return plan.ok ? ok({ call, exchanges, plan: plan.value, targets: visible.value, routed, nowMs }) : plan;
  }
}

/** A call that asks for no answer. */
export type CountedCall = Pick<CompletionCall, 'surface' | 'body' | 'headers' | 'principal' | 'requestId' | 'origin' | 'cancellation'>;

interface RoutedPlannedCall extends PlannedCall {
  readonly targets: VisibleTargets;
  readonly routed: Routed | undefined;
}

/** The targets to which the call can be said. Refused where there are some, but none of that kind. */
function fittingPlan(plan: Outcome<Plan>, exchanges: Exchanges): Outcome<Plan> {
  if (!plan.ok) return plan;
  const checked = plan.value.groups.map((targets) => targets.map((target) => ({ target, can: exchanges.check(target) })));
  const groups = checked
    .map((targets) => targets.filter(({ can }) => can.ok).map(({ target }) => target))
    .filter(({ length }) => length > 0);
  const first = checked[0]?.[0]?.can;
  if (groups.length === 0 && first !== undefined && !first.ok) return first;
  return ok({ ...plan.value, groups });
}

/** What goes out of a call that a route serves: `explain` is for Sluice, and the route may allow fewer tokens than the call. */
function routedBody({ surface, body }: CountedCall, { outputTokensMax: most }: Routed): JsonObject {
  const { explain: _, ...rest } = body;
  const { outputLimits } = SURFACES[surface];
  if (most === undefined || outputLimits.length === 0) return rest;
  const given = outputLimits.filter((name) => typeof rest[name] === 'number');
  const limited = given.length === 0 ? outputLimits.slice(0, 1) : given;
  return { ...rest, ...Object.fromEntries(limited.map((name) => [name, Math.min(Number(rest[name] ?? most), most)])) };
}
