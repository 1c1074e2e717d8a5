import { expect } from 'vitest';

import type { Serving } from '../../../src/contract/jobs/attempt.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import { AddedUse } from '../../../src/gateway/completions/added-use.ts';
import { Completions } from '../../../src/gateway/completions/completion.ts';
import { ModelRunners } from '../../../src/gateway/models/model-runners.ts';
import { ModelReplicas } from '../../../src/gateway/pools/model-replicas.ts';
import { ReplicaRouter } from '../../../src/gateway/pools/replica-router.ts';
import { ReplicaWakes } from '../../../src/gateway/pools/replica-wakes.ts';
import { ReplicaGroups } from '../../../src/gateway/upstreams/replica-groups.ts';
import type { RegisteredRoute } from '../../../src/inference/registry/model-route.ts';
import type { VersionManifest } from '../../../src/inference/registry/version-manifest.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import { EDGE_ROOM } from '../../../src/inference/served/model-room.ts';
import { principal } from './memory-cache-world.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { Job } from '../../../src/scheduler/served/jobs/job.ts';
import { newJob } from '../../../src/scheduler/served/jobs/job.ts';
import { BalancedDispatcher } from '../../../src/upstreams/serving/balanced-dispatcher.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import { originHost } from '../../../workers/gateway/pipeline/origin-host.ts';
import type { Ending } from '../fakes/ending.ts';
import { idsOf } from '../fakes/tenancy.ts';
import { jobRequest } from '../fixtures/job-request.ts';
import { targetOf } from '../upstreams/target.ts';
import { byteCounts } from '../upstreams/token-counts.ts';

const { id: keyId, ...ids } = idsOf(1);
const PRINCIPAL: TenantPrincipal = { kind: 'tenant', keyId, ...ids, owner: 'team', scopes: ['inference'] };
const TENANT = PRINCIPAL.tenantId;
const SLEEPER = `job_${'a'.repeat(26)}` as JobId;
const MODEL = 'encoder';
const MIB = 1024 * 1024;

/** Too large for an isolate, so that replicas alone run it. */
const MANIFEST = {
  task: 'embedding',
  graph: 'model.onnx',
  externalData: ['data'],
  files: [
    { path: 'model.onnx', bytes: MIB, sha256: '' },
    { path: 'data', bytes: 90 * MIB, sha256: '' },
  ],
  contractHash: 'own',
  dimensions: 1,
  tokensMax: 512,
} as unknown as VersionManifest;

const VECTORS = {
  data: [{ embedding: Buffer.from(Float32Array.of(1).buffer).toString('base64') }],
  sluice: { tokens: [1], version: '1', contract_hash: 'own' },
};
const CHAT = '{"id":"1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}';

/** A job that gives all its replicas back while no call comes, and the ways by which calls come to an isolate for it. */
export class SleepingJobWorld {
  nowMs = 1_000_000;
  wakes = 0;
  /** Called by what reaches a replica. */
  readonly called: string[] = [];
  replicas: readonly Serving[] = [];
  state: Job['state'] = 'pending';
  /** Another target of the plan of a chat. */
  fallback: Target | undefined;
  readonly #clock = { nowMs: () => this.nowMs };
  readonly #sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];
  readonly #router: ReplicaRouter;
  readonly #runners: ModelRunners;
  readonly #groups: ReplicaGroups;
  readonly #completions: Completions;

  constructor() {
    const wakes = new ReplicaWakes({
      wake: async () => {
        this.wakes += 1;
        return ok(null);
      },
      clock: this.#clock,
      sleep: (ms) => new Promise((wake) => this.#sleepers.push({ untilMs: this.nowMs + ms, wake })),
    });
    const find = async () => ok(this.#job());
    const call = async ({ url }: Serving) => {
      this.called.push(url);
      return { status: 200, body: VECTORS };
    };
    this.#router = new ReplicaRouter({ find, call, clock: this.#clock, wakes });
    const standing = { jobOf: () => expect.unreachable() };
    const replicas = new ModelReplicas({
      serving: async () => ok([this.#job()]),
      router: this.#router,
      wakes,
      standing,
      clock: this.#clock,
    });
    const inference = { embedTexts: () => expect.unreachable() };
    this.#runners = new ModelRunners({ inference, replicas, clock: this.#clock, standsBy: false, room: EDGE_ROOM });
    this.#groups = new ReplicaGroups({ find, hostOf: originHost, clock: this.#clock, wakes, background: () => undefined });
    this.#completions = this.#completionsOf();
  }

  /** The ways by which calls come. */
  readonly ways = {
    job: (caller: Ending) => this.#router.embed(TENANT, SLEEPER, MODEL, '{}', caller),
    model: (caller: Ending) =>
      this.#runners.embedTexts(
        {
          principal: principal(TENANT),
          name: MODEL,
          route: { kind: 'registered', owner: TENANT, model: MODEL, isPinned: false } as unknown as RegisteredRoute,
          version: { version: 1, manifest: MANIFEST, contractHash: 'own', createdAtMs: 0, runBoundMs: 1 },
          inputType: 'query',
          tokens: 1,
          longestTokens: 1,
          isTruncating: false,
          leftMs: undefined,
          end: caller,
        },
        ['a'],
      ),
    upstream: (caller: Ending) => this.chat(caller),
  } satisfies Record<string, (caller: Ending) => Promise<Outcome<unknown>>>;

  /** A chat by an upstream whose servers are the replicas. `headers`: of the call. */
  async chat(caller: Ending, headers: Readonly<Record<string, string>> = {}): Promise<Outcome<unknown>> {
    const completed = await this.#completions.complete({
      cacheTerms: undefined,
      onGuarded: () => expect.unreachable(),
      shadow: () => expect.unreachable(),
      added: new AddedUse(),
      surface: 'chat',
      body: { model: 'small', messages: [{ role: 'user', content: 'hello' }] },
      headers: {},
      principal: PRINCIPAL,
      requestId: 'req_1',
      reserve: () => Promise.resolve(ok(undefined)),
      origin: { headers: {}, header: (name) => headers[name], place: {} },
      cancellation: {
        get isCancelled() {
          return caller.refusal !== undefined;
        },
        onCancel: (run) => caller.onEnd(run),
      },
    });
    return completed.ok ? completed : err(completed.error.refusal);
  }

  /** The job has a replica that answers. */
  start(): void {
    this.state = 'running';
    this.replicas = [{ url: 'http://10.0.0.7:4000', key: 'k', isHealthy: true }];
  }

  /** Seconds pass, as many as it takes until the work is done; `during` is called in each of them. */
  async settled<T>(work: Promise<T>, during: (second: number) => void = () => undefined): Promise<T> {
    let isDone = false;
    const watched = work.finally(() => (isDone = true));
    for (let second = 0; ; second += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone) return watched;
      expect(second, 'the work ends').toBeLessThan(120);
      during(second);
      this.nowMs += 1_000;
      const due = this.#sleepers.filter(({ untilMs }) => untilMs <= this.nowMs);
      for (const sleeper of due) this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
      for (const { wake } of due) wake();
    }
  }

  #job(): Job {
    const work = {
      kind: 'online_inference',
      model: MODEL,
      scaling: { outstanding_per_replica: 1, scale_down_delay_s: 1, min: 0 },
    } as const;
    const job = newJob(jobRequest(1, { id: SLEEPER, tenantId: TENANT, work }), 1, 0);
    const members = this.replicas.map((serving, number) => ({ number, nodeId: `n${number}`, serving }));
    const group = { version: 0, members, leaving: [], next: members.length };
    return { ...job, state: this.state, attempt: members.length === 0 ? null : ({ group } as unknown as Job['attempt']) };
  }

  #completionsOf(): Completions {
    return new Completions({
      tokens: byteCounts,
      cache: { open: () => expect.unreachable() },
      embedder: { check: () => expect.unreachable(), embed: () => expect.unreachable() },
      sha256: () => expect.unreachable(),
      wakeUps: new DirectWakeUps(),
      targets: async () => {
        const replicas = await this.#groups.ready(TENANT, SLEEPER);
        const own = [targetOf({ baseUrl: `replicas:${SLEEPER}`, replicas })];
        return ok({ own: this.fallback === undefined ? own : [...own, this.fallback], platform: [] });
      },
      router: { plan: () => Promise.resolve(ok(undefined)) },
      dispatcher: new BalancedDispatcher({
        clock: this.#clock,
        timer: { after: () => () => undefined },
        rng: { bytes: (count) => new Uint8Array(count) },
      }),
      transport: {
        open: async ({ baseUrl }) => {
          this.called.push(baseUrl);
          const pieces = [utf8(CHAT)];
          const body = { read: () => Promise.resolve(pieces.shift()), cancel: () => undefined };
          return { kind: 'opened', status: 200, contentType: '', body };
        },
      },
      clock: this.#clock,
      groups: this.#groups,
      guard: { complete: () => expect.unreachable() },
      judge: { accepts: () => expect.unreachable() },
    });
  }
}
