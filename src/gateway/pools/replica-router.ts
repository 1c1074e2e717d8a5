import type { Serving } from '../../contract/jobs/attempt.ts';
import { ERRORS } from '../../contract/api/errors.ts';
import type { ErrorCode } from '../../contract/api/errors.ts';
import { hasServers } from '../../contract/jobs/job-facts.ts';
import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import type { JobState } from '../../contract/jobs/jobs.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';
import type { ReplicaWakes } from './replica-wakes.ts';

/** What a replica answered: `undefined` when it did not, or not sensibly. */
export type ReplicaAnswer = { readonly status: number; readonly body: unknown } | undefined;

interface RouterParts {
  readonly find: (tenantId: TenantId, jobId: JobId) => Promise<Outcome<Job>>;
  /** Gives up once the right of the caller ends. */
  readonly call: (replica: Serving, body: string, end: AuthorityEnd | undefined) => Promise<ReplicaAnswer>;
  readonly clock: Clock;
  readonly wakes: Pick<ReplicaWakes, 'first'>;
}

interface View {
  readonly model: string;
  /** Whether it gives all its replicas back while no call comes. */
  readonly sleeps: boolean;
  readonly replicas: readonly Serving[];
  readonly readAtMs: number;
}

/** A call for the replicas of a job. */
interface ReplicaCall {
  readonly tenantId: TenantId;
  readonly jobId: JobId;
  readonly body: string;
  readonly end: AuthorityEnd | undefined;
}

/**
 * Sends the calls of an isolate to the replicas of jobs: each to the healthy one with the fewest calls of this isolate under way, and to
 * another when that one does not answer. What it knows of replicas is `replicaViewMs` old at most. [J214]
 */
export class ReplicaRouter {
  readonly #parts: RouterParts;
  readonly #views = new Map<string, View>();
  /** Calls under way, by address. */
  readonly #outstanding = new Map<string, number>();
  /** Replicas that did not answer, and up to when they count as ill. */
  readonly #suspects = new Map<string, number>();

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /**
   * Refuses with `job_not_found`, with `state_conflict` for a job of another kind or one that is over, with `model_not_found` for another model
   * than its own, with `no_healthy_replica`, and as the replica does. No replica is called once the right of the caller has ended. `leftMs`: for
   * how long the caller waits for a job that has no replica.
   */
  async embed(
    tenantId: TenantId,
    jobId: JobId,
    model: string,
    body: string,
    end?: AuthorityEnd,
    leftMs?: number,
  ): Promise<Outcome<unknown>> {
    const seen = await this.#view(tenantId, jobId);
    if (!seen.ok) return seen;
    const own = seen.value.model;
    if (own !== model)
      return refuseResource('model_not_found', { kind: 'model', name: model }, `the job serves ${own}, not ${model}`, 'model');
    const call: ReplicaCall = { tenantId, jobId, body, end };
    let answered = await this.#answer(call, seen.value.replicas);
    if (!seen.value.sleeps) return answered;
    const { clock, wakes } = this.#parts;
    const untilMs = clock.nowMs() + (leftMs ?? JOB_LIMITS.replicaWakeMs);
    // Its last replica may have left, or died, within the call; so may the one that it then waits for.
    const isOver = (): boolean => end?.refusal !== undefined;
    while (!answered.ok && answered.error.code === 'no_healthy_replica' && !isOver()) {
      const woken = await wakes.first(tenantId, [jobId], {
        look: () => this.#callable(tenantId, jobId),
        isOver,
        leftMs: untilMs - clock.nowMs(),
      });
      if (!woken.ok) return woken;
      answered = await this.#answer(call, woken.value);
    }
    return answered;
  }

  /** As one of these replicas answers. */
  async #answer({ tenantId, jobId, body, end }: ReplicaCall, replicas: readonly Serving[]): Promise<Outcome<unknown>> {
    const tried = new Set<string>();
    while (tried.size < JOB_LIMITS.replicaTriesMaxCount) {
      if (end?.refusal !== undefined) break;
      const replica = this.#choose(replicas.filter(({ url }) => !tried.has(url)));
      if (replica === undefined) break;
      tried.add(replica.url);
      const answer = await this.#send(replica, body, end);
      if (answer !== undefined) return read(answer);
      // Where it was, there may be another by now.
      this.#views.delete(keyOf(tenantId, jobId));
    }
    const why = tried.size === 0 ? 'no replica of the job is healthy' : 'the replicas of the job did not answer';
    return refuse('no_healthy_replica', `${why}: try again, and see GET /v1/jobs/${jobId}`);
  }

  /** The replicas of a job; undefined where none is healthy, or each has just not answered. */
  async #callable(tenantId: TenantId, jobId: JobId): Promise<Outcome<readonly Serving[] | undefined>> {
    const view = await this.#view(tenantId, jobId);
    if (!view.ok) return view;
    const { replicas } = view.value;
    const nowMs = this.#parts.clock.nowMs();
    return ok(replicas.some(({ url }) => nowMs >= (this.#suspects.get(url) ?? -Infinity)) ? replicas : undefined);
  }

  async #view(tenantId: TenantId, jobId: JobId): Promise<Outcome<View>> {
    const key = keyOf(tenantId, jobId);
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#views.get(key);
    if (known !== undefined && nowMs < known.readAtMs + JOB_LIMITS.replicaViewMs) return ok(known);
    const job = await this.#parts.find(tenantId, jobId);
    if (!job.ok) return job;
    const { work, attempt, state, finishedAtMs } = job.value;
    if (work.kind !== 'online_inference') return refuse('state_conflict', `the job is of the kind ${work.kind}: it serves nothing`);
    if (finishedAtMs !== null) return refuse('state_conflict', `the job is ${state}`);
    // Those of a job that is to stop take no more calls.
    const members = LEAVING.has(state) ? [] : (attempt?.group?.members ?? []);
    const serving = members.flatMap((member) => member.serving ?? []);
    if (hasServers(work)) {
      const advice = `call them through an upstream whose base_url is replicas:${jobId}`;
      return refuse('state_conflict', `the replicas of the job pass calls on to servers: ${advice}`);
    }
    const sleeps = work.scaling?.min === 0;
    const view: View = { model: work.model, sleeps, replicas: serving.filter(({ isHealthy }) => isHealthy), readAtMs: nowMs };
    if (this.#views.size >= VIEWS_MAX) this.#views.clear();
    this.#views.set(key, view);
    return ok(view);
  }

  /** The one with the fewest calls under way; one that did not answer of late only where there is no other. */
  #choose(replicas: readonly Serving[]): Serving | undefined {
    const nowMs = this.#parts.clock.nowMs();
    for (const [url, untilMs] of this.#suspects) if (untilMs <= nowMs) this.#suspects.delete(url);
    const load = ({ url }: Serving): number => (this.#suspects.has(url) ? ILL : 0) + (this.#outstanding.get(url) ?? 0);
    return replicas.reduce<Serving | undefined>((best, one) => (best === undefined || load(one) < load(best) ? one : best), undefined);
  }

  async #send(replica: Serving, body: string, end: AuthorityEnd | undefined): Promise<ReplicaAnswer> {
    const { url } = replica;
    this.#outstanding.set(url, (this.#outstanding.get(url) ?? 0) + 1);
    try {
      const answer = await this.#parts.call(replica, body, end);
      if (answer === undefined && end?.refusal !== undefined) return undefined;
      if (answer === undefined || answer.status >= 500) {
        this.#suspects.set(url, this.#parts.clock.nowMs() + JOB_LIMITS.replicaSuspectMs);
        return undefined;
      }
      this.#suspects.delete(url);
      return answer;
    } finally {
      const left = (this.#outstanding.get(url) ?? 1) - 1;
      if (left === 0) this.#outstanding.delete(url);
      else this.#outstanding.set(url, left);
    }
  }
}

const LEAVING: ReadonlySet<JobState> = new Set(['stopping', 'cancelling']);

/** Jobs that an isolate remembers the replicas of. */
const VIEWS_MAX = 1_000;
/** More calls than any replica has under way. */
const ILL = 1_000_000;

const keyOf = (tenantId: TenantId, jobId: JobId): string => `${tenantId}/${jobId}`;

/** The answer of a replica, or its refusal as one of ours. */
function read({ status, body }: NonNullable<ReplicaAnswer>): Outcome<unknown> {
  if (status === 200) return ok(body);
  const { error = {} } = body as { readonly error?: Readonly<Record<string, unknown>> };
  const [code, said] = [error['code'], error['message']];
  const known = typeof code === 'string' && code in ERRORS ? (code as ErrorCode) : 'invalid_value';
  return refuse(known, typeof said === 'string' ? said : `the replica answered ${status}`);
}
