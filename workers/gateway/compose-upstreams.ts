import { waitUntil } from 'cloudflare:workers';

import { SCHEDULER_CELL } from '../../durable-objects/env.ts';
import { sleep, systemTimer } from '../../durable-objects/system-time.ts';
import { PurgeViews } from '../../src/gateway/caches/purge-views.ts';
import { CompletionCache } from '../../src/gateway/completions/completion-cache.ts';
import { requestWakeUps } from '../inference/request-wake-ups.ts';
import { TenantPurgeLogs } from './adapters/caches/durable-caches.ts';
import { sha256 } from './adapters/api/sha256.ts';
import { Completions } from '../../src/gateway/completions/completion.ts';
import { TokenCounts } from '../../src/gateway/completions/token-counts.ts';
import { StoredAnswers } from '../../src/gateway/completions/stored-answers.ts';
import { GuardedCompletions } from '../../src/gateway/completions/guarded-completion.ts';
import { SchemaJudge } from '../../src/gateway/guardrails/schema-judge.ts';
import { storedTargetFinder } from '../../src/gateway/upstreams/find-target.ts';
import { ReuseEvidence } from '../../src/gateway/routes/reuse-evidence.ts';
import type { RouteCalls } from '../../src/gateway/routes/route-admin.ts';
import { RouteAdmin } from '../../src/gateway/routes/route-admin.ts';
import { PromptAdmin } from '../../src/gateway/prompts/prompt-admin.ts';
import { PromptDirectory } from '../../src/gateway/prompts/prompt-directory.ts';
import { ReplicaGroups } from '../../src/gateway/upstreams/replica-groups.ts';
import { UpstreamAdmin } from '../../src/gateway/upstreams/upstream-admin.ts';
import { UpstreamChecker } from '../../src/gateway/upstreams/upstream-checker.ts';
import { UpstreamDirectory } from '../../src/gateway/upstreams/upstream-directory.ts';
import { TokenTexts } from '../../src/inference/text/token-texts.ts';
import { noteIn } from '../../src/gateway/tenancy/organisation-store.ts';
import { API_LIMITS } from '../../src/contract/api/api-limits.ts';
import { TENANCY_LIMITS } from '../../src/contract/tenancy/tenancy-limits.ts';
import { assert, must } from '../../src/kernel/assert.ts';
import type { Rng } from '../../src/kernel/rng.ts';
import { SecretBox } from '../../src/upstreams/secret-box.ts';
import type { UpstreamHosts } from '../../src/upstreams/upstream-host.ts';
import { parseUpstreamHosts } from '../../src/upstreams/upstream-host.ts';
import type { BalancedDispatcher } from '../../src/upstreams/serving/balanced-dispatcher.ts';
import { ModelRouter } from '../../src/gateway/routes/model-router.ts';
import { breakerOf } from '../../src/upstreams/serving/target-state.ts';
import { RouteDirectory } from '../../src/gateway/routes/route-directory.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { JobId, TenantId } from '../../src/kernel/ids.ts';
import { CascadeTally } from '../../src/upstreams/cascade/cascade-tally.ts';
import { CanaryTally } from '../../src/upstreams/routes/canary-tally.ts';
import type { Target } from '../../src/upstreams/target.ts';
import { within } from './adapters/api/ask.ts';
import { upstreamsOf } from './adapters/upstreams/upstream-objects.ts';
import type { GatewayEnv } from './env.ts';
import { originHost } from './pipeline/origin-host.ts';
import { upstreamFamilies } from './routes/upstreams/upstream-metrics.ts';
import type { Gateway } from './compose.ts';
import { compose } from './compose.ts';
import { oncePerIsolate } from './pipeline/serving.ts';
import { guardrailsOf } from './adapters/upstreams/guardrails.ts';
import { httpProbe } from './adapters/upstreams/http-probe.ts';
import { HttpTransport } from './adapters/upstreams/http-transport.ts';
import { wireDispatcher } from './adapters/upstreams/dispatching.ts';
import type { RequestLogParts } from './adapters/upstreams/request-log.ts';
import { wireRequestLog } from './adapters/upstreams/request-log.ts';
import { passedStream } from './adapters/upstreams/passed-stream.ts';
import { replicaWakes } from './adapters/models/replica-wakes.ts';
import { tokenEncodings } from './adapters/models/token-encodings.ts';

/** The gateway with models that others serve: upstreams, routes to them, prompts, and the log of calls. */
export interface Upstreams extends Gateway, RequestLogParts {
  readonly admin: UpstreamAdmin;
  readonly completions: Completions;
  readonly stored: StoredAnswers;
  readonly answers: CompletionCache;
  readonly checker: UpstreamChecker;
  readonly directory: UpstreamDirectory;
  readonly routes: RouteAdmin;
  readonly prompts: PromptAdmin;
  readonly promptDirectory: PromptDirectory;
  readonly findTarget: ReturnType<typeof storedTargetFinder>;
  readonly dispatcher: BalancedDispatcher;
  readonly groups: ReplicaGroups;
  readonly tokenTexts: TokenTexts;
}

export const composeUpstreams = oncePerIsolate((env: GatewayEnv): Upstreams => {
  const gateway = compose(env);
  const { clock, rng, metrics, tenancy } = gateway;
  const { organisations, hmac } = tenancy;
  const upstreams = upstreamsOf(env.UPSTREAM);
  const secrets = secretBoxOf(env, rng);
  const hosts = hostsOf(env);
  const groups = replicaGroupsOf(env, clock);
  const directory = new UpstreamDirectory({
    snapshot: (owner, known) => upstreams(owner).snapshot(known),
    secrets,
    hosts,
    groups,
    clock,
    background: waitUntil,
  });
  // A stub belongs to the request that made it: one is made for each call.
  const routes = (owner: string) => env.ROUTES.getByName(owner);
  const prompts = (tenant: string) => env.PROMPTS.getByName(tenant);
  const findTarget = storedTargetFinder((owner, count) => upstreams(owner).page('', count));
  const note = noteIn(organisations);
  const dispatcher = wireDispatcher(env, gateway);
  metrics.collect(() => upstreamFamilies(dispatcher.health(), dispatcher.waiting));
  const guardrails = guardrailsOf(env.GUARDRAILS, hosts);
  const embedder = env.EMBEDDINGS;
  const encodings = tokenEncodings(env);
  const purges = new PurgeViews({ logs: new TenantPurgeLogs(env.PURGE_LOG), clock, wakeUps: requestWakeUps });
  const answers = new CompletionCache({ purges, sha256, clock, wakeUps: requestWakeUps });
  return {
    ...gateway,
    ...wireRequestLog(env, gateway),
    admin: new UpstreamAdmin({ upstreams, secrets, hosts, groups, directory, mac: (text) => hmac.hex(text), note, clock }),
    checker: new UpstreamChecker({ upstreams, secrets, hosts, groups, routes, probe: httpProbe, clock }),
    directory,
    answers,
    completions: new Completions({
      cache: answers,
      embedder,
      sha256,
      wakeUps: requestWakeUps,
      targets: (principal) => directory.visible(principal),
      router: routerOf(routes, dispatcher, clock, (principal) => tenancy.budget.spendLeft(principal)),
      dispatcher,
      transport: groups.watching(
        new HttpTransport({
          timer: systemTimer,
          clock,
          secretOf: (target) => directory.secretOf(target),
          workersAi: env.AI,
          pass: passedStream,
        }),
      ),
      clock,
      tokens: new TokenCounts(encodings),
      groups,
      guard: new GuardedCompletions(guardrails),
      judge: new SchemaJudge(guardrails),
    }),
    stored: new StoredAnswers({ storeOf: (tenant) => env.STORED_ANSWERS.getByName(tenant), clock, rng }),
    findTarget,
    routes: new RouteAdmin({ routes, targets: findTarget, guardrails, embedder, note }),
    prompts: new PromptAdmin({ prompts, note }),
    promptDirectory: new PromptDirectory({ prompts, clock, background: waitUntil }),
    dispatcher,
    groups,
    tokenTexts: new TokenTexts(encodings),
  };
});

function replicaGroupsOf(env: GatewayEnv, clock: Clock): ReplicaGroups {
  // A stub belongs to the request that made it: one is made for each call.
  const cell = () => env.SCHEDULER.getByName(SCHEDULER_CELL);
  const find = (tenant: TenantId, job: JobId) => within(cell().job(tenant, job), API_LIMITS.controlTimeoutMs);
  return new ReplicaGroups({ find, hostOf: originHost, clock, wakes: replicaWakes(env), background: waitUntil });
}

function routerOf(
  routes: (owner: string) => RouteCalls,
  dispatcher: BalancedDispatcher,
  clock: Clock,
  budgetLeft: ConstructorParameters<typeof ModelRouter>[0]['budgetLeft'],
): ModelRouter {
  const tally = new CanaryTally();
  const cascades = new CascadeTally();
  const evidence = new ReuseEvidence({ routes, clock, sleep, background: waitUntil });
  const directory = new RouteDirectory({ routes, tally, cascades, clock, background: waitUntil });
  const breaker = (target: Target) => breakerOf(target, dispatcher.health());
  return new ModelRouter({ directory, tally, cascades, evidence, clock, breaker, budgetLeft });
}

function hostsOf({ UPSTREAM_HOSTS, UPSTREAM_PRIVATE_HOSTS, AI }: GatewayEnv): UpstreamHosts {
  const hosts = must(parseUpstreamHosts(UPSTREAM_HOSTS, UPSTREAM_PRIVATE_HOSTS), 'UPSTREAM_HOSTS lists hosts, each with a port if need be');
  return { ...hosts, hasWorkersAi: AI !== undefined };
}

/** The pepper opens what was sealed before the deployment had a key of its own for that. */
function secretBoxOf(env: GatewayEnv, rng: Rng): SecretBox {
  const { SLUICE_UPSTREAM_KEY: key, SLUICE_UPSTREAM_KEY_BEFORE: before, SLUICE_KEY_PEPPER: pepper } = env;
  const charsMin = TENANCY_LIMITS.adminSecretCharsMin;
  const masters = [key, before, pepper].filter((master) => master !== undefined);
  assert(
    masters.every(({ length }) => length >= charsMin),
    `SLUICE_UPSTREAM_KEY and SLUICE_UPSTREAM_KEY_BEFORE must have at least ${charsMin} characters`,
  );
  return new SecretBox(masters, rng);
}
