import type { Outcome } from '../../contract/api/outcome.ts';
import type { Hook } from '../../contract/guardrails/guardrails.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { ActivateRouteBody, CreateRouteBody } from '../../contract/routes/routes.ts';
import type { ChangedBy } from '../../contract/tenancy/write-lease.ts';
import type { Remote } from '../../kernel/remote.ts';
import { err, ok } from '../../kernel/result.ts';
import type { PageOf } from '../../kernel/page.ts';
import { pageOf } from '../../kernel/page.ts';
import type { MeasuredReuse } from '../../upstreams/reuse/reuse-evidence.ts';
import type { CanarySettings } from '../../upstreams/canary/canary.ts';
import type { AnswerReuse, CascadeChoice } from '../../contract/routes/route-rules.ts';
import { schemaHook } from '../guardrails/schema-judge.ts';
import { isOfUpstream } from '../../upstreams/guardrails/judge-classes.ts';
import { serves } from '../../upstreams/protocol/exchange.ts';
import { cascadesOf, checkRoute } from '../../upstreams/routes/check-route.ts';
import type { RouteVersionRecord, ServingRoute } from '../../upstreams/routes/route-record.ts';
import type { MadeVersion, RouteRegistry, RouteView } from '../../upstreams/routes/route-registry.ts';
import type { FindTarget } from '../../upstreams/routes/route-plan.ts';
import type { Acting, NoteChange } from '../tenancy/authority.ts';
import { changeNoted } from '../tenancy/authority.ts';
import type { Guardrails } from '../guardrails/guardrails.ts';
import type { QuestionEmbedder } from './question-embedder.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';
import { ownerOf } from '../../upstreams/upstream-record.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import { Composed } from '../api/composed.ts';

/** The routes of one owner, wherever they are stored: see `RouteObject`. */
export type RouteCalls = Remote<RouteRegistry>;

interface RouteAdminParts {
  readonly routes: (owner: UpstreamOwner) => RouteCalls;
  /** The targets that a caller may name in its routes. */
  readonly targets: (principal: Principal) => Promise<FindTarget>;
  readonly guardrails: Pick<Guardrails, 'check'>;
  readonly embedder: Pick<QuestionEmbedder, 'check'>;
  readonly note: NoteChange;
}

/** The routes that a caller owns: a tenant its own, the admin those of the platform. */
export class RouteAdmin extends Composed<RouteAdminParts> {
  /** Refuses a version that cannot mean what it says (see `checkRoute` and `compileHooks`), and as the registry does. */
  async create(caller: Acting<Principal>, body: CreateRouteBody, idempotencyKey: string | undefined): Promise<Outcome<MadeVersion>> {
    const { principal } = caller;
    const { name, comment, activate, rules, default: otherwise, guardrails = [], answer_reuse } = body;
    const version = {
      rules,
      default: otherwise,
      ...(guardrails.length === 0 ? {} : { guardrails }),
      ...(answer_reuse === undefined ? {} : { answer_reuse }),
    };
    const find = await this.parts.targets(principal);
    const checked = checkRoute(version, find);
    if (!checked.ok) return checked;
    const moderated = checkModerations(guardrails, find);
    if (!moderated.ok) return moderated;
    const hooks = [...guardrails, ...cascadesOf(version).flatMap(schemaHooks)];
    const guarded = hooks.length === 0 ? ok(null) : await this.parts.guardrails.check(ownerOf(principal), hooks);
    if (!guarded.ok) return guarded;
    const embeds = await this.#checkEmbedding(ownerOf(principal), answer_reuse);
    if (!embeds.ok) return embeds;
    const request =
      idempotencyKey === undefined ? null : { key: idempotencyKey, digest: await requestDigest(principal, 'route.create', body) };
    return this.#noted(caller, 'create', name, (routes, by) => routes.add({ name, comment, activate, rules: version }, request, by));
  }

  async #checkEmbedding(owner: UpstreamOwner, reuse: AnswerReuse | undefined): Promise<Outcome<null>> {
    if (reuse === undefined || reuse.kind === 'reworded' || reuse.model.includes('/')) return ok(null);
    const checked = await this.parts.embedder.check(owner, reuse.model);
    return checked.ok ? checked : err({ ...checked.error, path: ['answer_reuse', 'model'] });
  }

  activate(caller: Acting<Principal>, name: string, { version, canary }: ActivateRouteBody): Promise<Outcome<RouteView>> {
    const settings = canary === undefined ? null : canarySettings(canary);
    return this.#noted(caller, 'activate', `${name}@${version}`, (routes, by) => routes.activate(name, version, settings, by));
  }

  rollback(caller: Acting<Principal>, name: string): Promise<Outcome<RouteView>> {
    return this.#noted(caller, 'rollback', name, (routes, by) => routes.rollback(name, by));
  }

  remove(caller: Acting<Principal>, name: string): Promise<Outcome<null>> {
    return this.#noted(caller, 'delete', name, (routes, by) => routes.remove(name, by));
  }

  async list(principal: Principal, limit: number, after = ''): Promise<PageOf<RouteView>> {
    const found = await this.#of(principal).page(after, limit + 1);
    return pageOf(found, limit);
  }

  async find(principal: Principal, name: string): Promise<Outcome<RouteView>> {
    const found = await this.#of(principal).find(name);
    return found === undefined ? noRoute(name) : ok(found);
  }

  async versions(
    principal: Principal,
    name: string,
    limit: number,
    after = 0,
  ): Promise<Outcome<{ readonly view: RouteView; readonly page: PageOf<RouteVersionRecord> }>> {
    const view = await this.find(principal, name);
    if (!view.ok) return view;
    const found = await this.#of(principal).versions(name, after, limit + 1);
    return ok({ view: view.value, page: pageOf(found, limit) });
  }

  /** What was measured of answers that the caller's calls could reuse. */
  async reuses(principal: Principal): Promise<readonly MeasuredReuse[]> {
    return this.#of(principal).reuses([]);
  }

  /** The version `number`, or else the one that would serve. */
  async versionOf(principal: Principal, name: string, number: number | undefined): Promise<Outcome<ServingRoute>> {
    const routes = this.#of(principal);
    if (number === undefined) {
      const serving = (await routes.directory()).find((route) => route.name === name);
      return serving === undefined ? noRoute(name) : ok(serving);
    }
    const version = await routes.version(name, number);
    return version === undefined ? noRoute(`${name}@${number}`) : ok({ name, version: number, rules: version.rules, canary: null });
  }

  #of(principal: Principal): RouteCalls {
    return this.parts.routes(ownerOf(principal));
  }

  #noted<T>(
    caller: Acting<Principal>,
    action: string,
    subject: string,
    change: (routes: RouteCalls, by: ChangedBy) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    return changeNoted(this.parts.note, caller, [`route.${action}`, subject], (by) => change(this.#of(caller.principal), by));
  }
}

const canarySettings = ({ steps, step_requests_min, step_s, margin }: NonNullable<ActivateRouteBody['canary']>): CanarySettings => ({
  steps,
  stepRequestsMin: step_requests_min,
  stepMs: step_s * 1_000,
  marginMax: margin,
  falseAlarmMax: ROUTE_LIMITS.canaryFalseAlarmMax,
});

const schemaHooks = ({ confidence }: CascadeChoice) => (confidence.kind === 'json-schema' ? [schemaHook(confidence.schema)] : []);

const noRoute = (name: string) =>
  refuseResource('model_route_not_found', { kind: 'route', name }, `there is no route ${JSON.stringify(name)} that serves`, 'route');

/** [U177] Refuses hooks whose model no upstream serves for moderations, by their field. */
function checkModerations(hooks: readonly Hook[], find: FindTarget): Outcome<null> {
  for (const [at, hook] of hooks.entries()) {
    if (hook.kind !== 'classifier' || !isOfUpstream(hook)) continue;
    const target = find(hook.model);
    const path = ['guardrails', at, 'model'];
    if (target === undefined)
      return refuseResource('model_not_found', { kind: 'model', name: hook.model }, 'no upstream of the owner of the route has it', path);
    if (!serves(target, 'moderations')) return refuse('invalid_value', 'does not serve moderations', path);
  }
  return ok(null);
}
