import type { Serving } from '../../contract/jobs/attempt.ts';
import { ERRORS, refusal } from '../../contract/api/errors.ts';
import type { ErrorCode } from '../../contract/api/errors.ts';
import { hasServers } from '../../contract/jobs/job-facts.ts';
import type { AuthorityEnd } from '../../contract/tenancy/authority-end.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';

/** What a replica answered: `undefined` when it did not, or not sensibly. */
export type ReplicaAnswer = { readonly status: number; readonly body: unknown } | undefined;

interface RouterParts {
  readonly find: (tenantId: TenantId, jobId: JobId) => Promise<Outcome<Job>>;
  /** Gives up once the right of the caller ends. */
  readonly call: (replica: Serving, body: string, end: AuthorityEnd | undefined) => Promise<ReplicaAnswer>;
  readonly clock: Clock;
  /** Has a job that has given all its replicas back get one. */
  readonly wake: (tenantId: TenantId, jobId: JobId) => Promise<Outcome<unknown>>;
  readonly sleep: (ms: number) => Promise<void>;
}

interface View {
  readonly model: string;
  /** Whether it gives all its replicas back while no call comes. */
  readonly sleeps: boolean;
  readonly replicas: readonly Serving[];
  readonly readAtMs: number;
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
  /** Calls that wait for a first replica. */
  #waiting = 0;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /**
   * Refuses with `job_not_found`, with `state_conflict` for a job of another kind or one that is over, with `model_not_found` for another model
   * than its own, with `no_healthy_replica`, and as the replica does. No replica is called once the right of the caller has ended.
   */
  async embed(tenantId: TenantId, jobId: JobId, model: string, body: string, end?: AuthorityEnd): Promise<Outcome<unknown>> {
    const seen = await this.#view(tenantId, jobId);
    if (!seen.ok) return seen;
    const isAsleep = seen.value.sleeps && seen.value.replicas.length === 0 && seen.value.model === model;
    const known = isAsleep ? await this.#woken(tenantId, jobId, end) : seen;
    if (!known.ok) return known;
    if (known.value.model !== model)
      return refuseResource(
        'model_not_found',
        { kind: 'model', name: model },
        `the job serves ${known.value.model}, not ${model}`,
        'model',
      );
    const tried = new Set<string>();
    while (tried.size < JOB_LIMITS.replicaTriesMaxCount) {
      if (end?.refusal !== undefined) break;
      const replica = this.#choose(known.value.replicas.filter(({ url }) => !tried.has(url)));
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

  /** Waits for the first replica of a job that had none, as long as `replicaWakeMs`. Refuses with `no_healthy_replica`. [J338] */
  async #woken(tenantId: TenantId, jobId: JobId, end: AuthorityEnd | undefined): Promise<Outcome<View>> {
    const { clock, wake, sleep } = this.#parts;
    if (this.#waiting >= JOB_LIMITS.replicaWaitersMaxCount) return startsLater(`${this.#waiting} calls wait for replicas already`);
    this.#waiting += 1;
    try {
      const untilMs = clock.nowMs() + JOB_LIMITS.replicaWakeMs;
      for (;;) {
        const woken = await wake(tenantId, jobId);
        if (!woken.ok) return woken;
        await sleep(JOB_LIMITS.replicaViewMs);
        const view = await this.#view(tenantId, jobId);
        if (!view.ok || view.value.replicas.length > 0) return view;
        if (end?.refusal !== undefined || clock.nowMs() >= untilMs) return startsLater('the job had no replica, and none has started yet');
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  async #view(tenantId: TenantId, jobId: JobId): Promise<Outcome<View>> {
    const key = keyOf(tenantId, jobId);
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#views.get(key);
    if (known !== undefined && nowMs < known.readAtMs + JOB_LIMITS.replicaViewMs) return ok(known);
    const job = await this.#parts.find(tenantId, jobId);
    if (!job.ok) return job;
    const { work, attempt, finishedAtMs } = job.value;
    if (work.kind !== 'online_inference') return refuse('state_conflict', `the job is of the kind ${work.kind}: it serves nothing`);
    if (finishedAtMs !== null) return refuse('state_conflict', `the job is ${job.value.state}`);
    const serving = attempt?.group?.members.flatMap((member) => member.serving ?? []) ?? [];
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

/** A repetition may find a replica. */
function startsLater(why: string): Outcome<never> {
  return err({ ...refusal('no_healthy_replica', why), retryAfterMs: RETRY_AFTER_MS });
}

const RETRY_AFTER_MS = 5_000;

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
