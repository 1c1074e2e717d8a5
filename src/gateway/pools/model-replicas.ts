import { hasServers } from '../../contract/jobs/job-facts.ts';
import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { joinRows } from '../../cache/vector-rows.ts';
import { readRow } from './replica-rows.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';
import type { ReplicaCalls, ReplicaModels, ReplicaTexts, ReplicaVectors } from '../models/replica-calls.ts';
import type { StandingModel, StandingReplicas } from '../models/standing-replicas.ts';
import { standingName } from '../models/standing-replicas.ts';
import type { ReplicaRouter } from './replica-router.ts';
import type { ReplicaWakes } from './replica-wakes.ts';

interface ModelReplicaParts {
  /** The jobs of a tenant whose replicas may serve, now or once they are woken. */
  readonly serving: (tenantId: TenantId) => Promise<Outcome<readonly Job[]>>;
  readonly router: Pick<ReplicaRouter, 'embed'>;
  readonly wakes: Pick<ReplicaWakes, 'wake'>;
  readonly standing: Pick<StandingReplicas, 'jobOf'>;
  readonly clock: Clock;
}

interface ServingJob {
  readonly id: JobId;
  readonly model: string;
  readonly isReady: boolean;
}

interface View {
  /** Those with healthy replicas first. */
  readonly jobs: readonly ServingJob[];
  readonly readAtMs: number;
}

/** The replicas of a tenant by the models that they serve. What it knows of them is `replicaViewMs` old at most. [M71] */
export class ModelReplicas implements ReplicaCalls {
  readonly #parts: ModelReplicaParts;
  readonly #views = new Map<TenantId, View>();

  constructor(parts: ModelReplicaParts) {
    this.#parts = parts;
  }

  async replicaModels(tenantId: TenantId): Promise<Outcome<ReplicaModels>> {
    const view = await this.#view(tenantId);
    if (!view.ok) return view;
    const of = (wanted: boolean) => view.value.jobs.flatMap(({ model, isReady }) => (isReady === wanted ? [model] : []));
    return ok({ ready: [...new Set(of(true))], asleep: [...new Set(of(false))] });
  }

  async wakeReplica(tenantId: TenantId, names: readonly string[], standing?: StandingModel): Promise<void> {
    const job = await this.#serving(tenantId, names, standing);
    if (job.ok && !job.value.isReady) await this.#parts.wakes.wake(tenantId, [job.value.id]);
  }

  async embedOnReplica(
    tenantId: TenantId,
    { names, texts, inputType, output = 'dense', isTruncating, contracts, dimensions, waitMs, standing }: ReplicaTexts,
    end?: AuthorityEnd,
  ): Promise<Outcome<ReplicaVectors>> {
    const serving = await this.#serving(tenantId, names, standing);
    if (!serving.ok) return serving;
    const job = serving.value;
    const request = {
      model: job.model,
      input: texts,
      encoding_format: 'base64',
      ...(inputType === undefined ? {} : { input_type: inputType }),
      ...(output === 'dense' ? {} : { output }),
      // Agents of earlier versions know a flag, and refuse what is too long all the same.
      ...(isTruncating ? { truncate: true } : {}),
    };
    const answered = await this.#parts.router.embed(tenantId, job.id, job.model, JSON.stringify(request), end, waitMs);
    if (!answered.ok) return answered;
    return vectorsIn(answered.value, { count: texts.length, dimensions, output, contracts });
  }

  /** The job that serves a model, ready or not; one is made of `standing` where there is none. */
  async #serving(tenantId: TenantId, names: readonly string[], standing: StandingModel | undefined): Promise<Outcome<ServingJob>> {
    const view = await this.#view(tenantId);
    if (!view.ok) return view;
    const known = view.value.jobs.find(({ model }) => names.includes(model));
    if (known !== undefined) return ok(known);
    if (standing === undefined) return refuse('no_healthy_replica', 'no replica serves the model', 'model');
    const made = await this.#parts.standing.jobOf(standing);
    if (!made.ok) return made;
    const job = { id: made.value, model: standingName(standing.model, standing.version.version), isReady: false };
    // Calls that come before the view is read again know of it.
    const now = this.#views.get(tenantId) ?? view.value;
    if (!now.jobs.some(({ id }) => id === job.id)) this.#views.set(tenantId, { ...now, jobs: [...now.jobs, job] });
    return ok(job);
  }

  async #view(tenantId: TenantId): Promise<Outcome<View>> {
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#views.get(tenantId);
    if (known !== undefined && nowMs < known.readAtMs + JOB_LIMITS.replicaViewMs) return ok(known);
    const found = await this.#parts.serving(tenantId);
    if (!found.ok) return found;
    const jobs = found.value.flatMap(({ id, work, attempt }) => {
      const isServed = attempt?.group?.members.some(({ serving }) => serving?.isHealthy === true) ?? false;
      if (work.kind !== 'online_inference' || hasServers(work) || !(isServed || work.scaling?.min === 0)) return [];
      return [{ id, model: work.model, isReady: isServed }];
    });
    if (this.#views.size >= VIEWS_MAX) this.#views.clear();
    const view = { jobs: jobs.toSorted((one, other) => Number(other.isReady) - Number(one.isReady)), readAtMs: nowMs };
    this.#views.set(tenantId, view);
    return ok(view);
  }
}

/** Tenants that an isolate remembers the replicas of. */
const VIEWS_MAX = 1_000;

interface Expected extends Pick<ReplicaTexts, 'dimensions' | 'contracts'>, Required<Pick<ReplicaTexts, 'output'>> {
  readonly count: number;
}

/** What an answer of a replica says beside its vectors. `cut_tokens`: absent, where none was cut. */
interface ReplicaCounts {
  readonly tokens?: unknown;
  readonly cut_tokens?: unknown;
  readonly contract_hash?: unknown;
  readonly version?: unknown;
}

const isListOf = (value: unknown, count: number): value is unknown[] => Array.isArray(value) && value.length === count;
const countIn = (value: unknown): number => (Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : Number.NaN);

const cutCountsIn = (cut: unknown, count: number): number[] => (isListOf(cut, 0) || isListOf(cut, count) ? cut.map(countIn) : [Number.NaN]);

/** What a replica is expected to say. It is code of an operator, and may be of another version: nothing is taken on trust. */
function vectorsIn(body: unknown, { count, dimensions, output, contracts }: Expected): Outcome<ReplicaVectors> {
  const { data, sluice } = (body ?? {}) as { data?: unknown; sluice?: ReplicaCounts };
  const { tokens, cut_tokens: cut = [], contract_hash: contract, version } = sluice ?? {};
  if (typeof contract !== 'string' || !contracts.includes(contract) || typeof version !== 'string')
    return refuse('no_healthy_replica', 'the replica serves another version of the model, under another embedding contract', 'model');
  const isList = isListOf(data, count) && isListOf(tokens, count);
  const rows = isList ? data.map((one) => readRow((one as { embedding?: unknown } | null)?.embedding, output, dimensions)) : [];
  const counts = isList ? tokens.map(countIn) : [];
  const cutTokens = cutCountsIn(cut, count);
  const known = rows.filter((row) => row !== undefined);
  if (!isList || known.length < count || [...counts, ...cutTokens].some(Number.isNaN) || !known.every((row) => row.every(Number.isFinite)))
    return refuse('no_healthy_replica', 'the replica answered something else than vectors', 'model');
  return ok({ ...joined(known, output), ...countsOf(counts, cutTokens), sharedTexts: 0, version });
}

const joined = (rows: readonly Float32Array<ArrayBuffer>[], output: EmbeddingOutput): Pick<ReplicaVectors, 'vectors' | 'lengths'> => {
  const { vectors } = joinRows(rows);
  return output === 'dense' ? { vectors } : { vectors, lengths: Int32Array.from(rows, ({ length }) => length) };
};

const countsOf = (tokens: readonly number[], cutTokens: readonly number[]): Pick<ReplicaVectors, 'tokens' | 'cutTokens'> => ({
  tokens: Int32Array.from(tokens),
  ...(cutTokens.length > 0 ? { cutTokens: Int32Array.from(cutTokens) } : {}),
});
