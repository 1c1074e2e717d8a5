import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { RegisteredRoute, RoutedVersion } from '../../inference/registry/model-route.ts';
import type { RunnerChoice } from '../../inference/served/choose-runner.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import { ownOutput } from '../../inference/embedding-output.ts';
import { chooseRunner } from '../../inference/served/choose-runner.ts';
import type { EmbeddedTexts, InputType, ModelCalls } from '../../inference/served/model-calls.ts';
import type { ModelRoom } from '../../inference/served/model-room.ts';
import { weightBytesOf } from '../../inference/served/model-size.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ReplicaCalls, ReplicaModels, ReplicaTexts } from './replica-calls.ts';
import { standingName } from './standing-replicas.ts';
import { Composed } from '../api/composed.ts';

interface ModelRunnerParts {
  readonly inference: Pick<ModelCalls, 'embedTexts'>;
  readonly replicas: ReplicaCalls;
  readonly clock: Clock;
  /** Whether the deployment has pools serve the models of tenants by itself. */
  readonly standsBy: boolean;
  /** What an isolate has for models. */
  readonly room: ModelRoom;
}

/** Texts for a version, whatever runs it. */
export interface RunTexts {
  /** In whose name a job is made that serves the model. */
  readonly principal: TenantPrincipal;
  /** The name that the request has. */
  readonly name: string;
  readonly route: RegisteredRoute;
  readonly version: RoutedVersion;
  readonly inputType: InputType | undefined;
  /** Absent: what the model is for. */
  readonly output?: EmbeddingOutput;
  /** The most tokens of all texts of the request. */
  readonly tokens: number;
  /** The same of the longest of them. */
  readonly longestTokens: number;
  /** Cuts texts that are too long, instead of refusing them. */
  readonly isTruncating: boolean;
  readonly leftMs: number | undefined;
  /** Calls of replicas are called off by it. */
  readonly end?: AuthorityEnd | undefined;
}

/** What ran, and which version. */
export interface Ran {
  readonly choice: RunnerChoice;
  readonly version: string;
  /** How long the call waited for a first replica, in ms; absent: there was one. */
  readonly waitedMs?: number;
}

type RanTexts = EmbeddedTexts & { readonly ran: Ran };

/** Runs registered embedding models in the inference Worker or on replicas of the tenant, as `chooseRunner` says. [M70] */
export class ModelRunners extends Composed<ModelRunnerParts> {
  /** What replicas of tenants serve, as asked last. */
  readonly #known = new Map<TenantId, { readonly models: ReplicaModels; readonly askedAtMs: number }>();

  /** Refuses with `no_healthy_replica` a model that only pools can run where none does, and as what runs it does. */
  async embedTexts(request: RunTexts, texts: readonly string[]): Promise<Outcome<RanTexts>> {
    const { principal, route, version, leftMs } = request;
    const { tenantId } = principal;
    const own = standingName(route.model, version.version);
    const names = route.isPinned ? [request.name, own] : [request.name, route.model, own];
    const standing = this.parts.standsBy ? { principal, model: route.model, version } : undefined;
    const { choice, alone, isReady } = await this.#chosen(request, names);
    if (choice.runner === 'none') return noRunner(route.model, version, choice.reason, this.parts.room);
    if (choice.runner === 'inference') return this.#inIsolate(request, texts, choice);
    let isForPool = isForPoolsAlone(choice);
    if (!isReady && alone.runner === 'inference') {
      // What an isolate can compute does not wait for a replica: later calls have one.
      const [ran] = await Promise.all([this.#inIsolate(request, texts, alone), this.parts.replicas.wakeReplica(tenantId, names, standing)]);
      if (ran.ok || !isBeyondRun(ran.error)) return ran;
      isForPool = true;
    }
    const waitMs = isForPool ? Math.min(JOB_LIMITS.replicaWakeMs, leftMs ?? Infinity) : 0;
    const beganMs = this.parts.clock.nowMs();
    const ran = await this.#onReplica(request, { names, texts, waitMs, standing });
    const waited = isReady ? {} : { waitedMs: this.parts.clock.nowMs() - beganMs };
    if (ran.ok) return ok({ ...ran.value, ran: { choice, version: ran.value.version, ...waited } });
    if (isForPool || !FALL_BACK.has(ran.error.code)) return ran;
    return this.#inIsolate(request, texts, { runner: 'inference', reason: 'replica_failed' });
  }

  /** `alone`: what would run it without a replica. `isReady`: whether there is one now. */
  async #chosen(
    { principal, version, tokens, longestTokens, leftMs }: RunTexts,
    names: readonly string[],
  ): Promise<{ readonly choice: RunnerChoice; readonly alone: RunnerChoice; readonly isReady: boolean }> {
    const { standsBy, room } = this.parts;
    const { manifest, runBoundMs, computedBy } = version;
    const { ready, asleep } = await this.#served(principal.tenantId);
    const isNamed = (model: string): boolean => names.includes(model);
    const choose = (hasReplica: boolean) =>
      chooseRunner({ manifest, computedBy, runBoundMs, tokens, longestTokens, hasReplica, leftMs, room });
    const isReady = ready.some(isNamed);
    return { choice: choose(isReady || standsBy || asleep.some(isNamed)), alone: choose(false), isReady };
  }

  async #inIsolate(
    { route, version, inputType, output, isTruncating, leftMs }: RunTexts,
    texts: readonly string[],
    choice: RunnerChoice,
  ): Promise<Outcome<RanTexts>> {
    const ref = { owner: route.owner, model: route.model, version: String(version.version), manifest: version.manifest };
    const embedded = await this.parts.inference.embedTexts(ref, texts, inputType, {
      ...(isTruncating ? { isTruncating } : {}),
      ...(leftMs === undefined ? {} : { leftMs }),
      ...(output === undefined || output === ownOutput(version.manifest.task) ? {} : { output }),
    });
    return embedded.ok ? ok({ ...embedded.value, ran: { choice, version: ref.version } }) : embedded;
  }

  #onReplica(
    { principal, version, inputType, output, isTruncating, end }: RunTexts,
    call: Pick<ReplicaTexts, 'names' | 'texts' | 'waitMs' | 'standing'>,
  ) {
    const { manifest, contractHash } = version;
    const contracts = [contractHash, manifest.contractHash];
    const form = { isTruncating, ...(output === undefined ? {} : { output }) };
    const { dimensions } = manifest;
    return this.parts.replicas.embedOnReplica(principal.tenantId, { ...call, inputType, ...form, dimensions, contracts }, end);
  }

  /** Nothing, where the control plane does not answer: an isolate computes what it can. */
  async #served(tenantId: TenantId): Promise<ReplicaModels> {
    const nowMs = this.parts.clock.nowMs();
    const known = this.#known.get(tenantId);
    if (known !== undefined && nowMs < known.askedAtMs + MODEL_LIMITS.modelReplicasViewMs) return known.models;
    const found = await this.parts.replicas.replicaModels(tenantId);
    const models = found.ok ? found.value : (known?.models ?? NO_MODELS);
    if (this.#known.size >= TENANTS_MAX) this.#known.clear();
    this.#known.set(tenantId, { models, askedAtMs: nowMs });
    return models;
  }
}

const NO_MODELS: ReplicaModels = { ready: [], asleep: [] };

function noRunner(
  model: string,
  { manifest, runBoundMs }: RoutedVersion,
  reason: RunnerChoice['reason'],
  { encoderBytesMax }: ModelRoom,
): Outcome<never> {
  const bytes = weightBytesOf({ manifest });
  const sizeLimit = bytes > encoderBytesMax ? 'edgeEncoderBytesMax' : 'edgeEmbedderBytesMax';
  const limit = reason === 'too_large' ? `${sizeLimit}: ${bytes} bytes of weights` : `runBoundMsMax: ${runBoundMs} ms a text`;
  const advice = 'run it on a pool (a job of the kind online_inference)';
  return refuse('no_healthy_replica', `no isolate can run ${model} (${limit}), and no replica of it is healthy: ${advice}`, 'model');
}

/** Whether an isolate computes nothing that takes as long, or needs as much memory, as these texts. */
const isBeyondRun = ({ limit }: Refusal): boolean => BEYOND_RUN.has(limit?.name ?? '');

const BEYOND_RUN: ReadonlySet<string> = new Set(['runBoundMsMax', 'callBoundMsMax', 'runtimeBytesMax']);

const isForPoolsAlone = ({ reason }: RunnerChoice): boolean => reason === 'too_large' || reason === 'too_slow';

/** Refusals of replicas that say nothing of the texts. */
const FALL_BACK: ReadonlySet<string> = new Set([
  'no_healthy_replica',
  'unavailable',
  'state_conflict',
  'job_not_found',
  'payload_too_large',
  'model_not_found',
]);

/** Tenants that an isolate remembers the replicas of. */
const TENANTS_MAX = 1_000;
