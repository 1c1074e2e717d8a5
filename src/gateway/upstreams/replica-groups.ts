import { LruCache } from '../../cache/lru-cache.ts';
import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import { isForbidden } from '../../contract/api/network-host.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';
import type { Plan, Replica } from '../../upstreams/target.ts';
import { withReplicas } from '../../upstreams/target.ts';
import type { UpstreamTransport } from '../../upstreams/transport.ts';
import { replicasJobOf } from '../../upstreams/upstream-host.ts';
import type { FirstReplica, ReplicaWakes } from '../pools/replica-wakes.ts';

interface GroupParts {
  /** From the scheduler, which has the state of all groups. */
  readonly find: (tenantId: TenantId, jobId: JobId) => Promise<Outcome<Job>>;
  /** The host of a URL that names nothing besides; undefined for any other. */
  readonly hostOf: (url: string) => string | undefined;
  readonly clock: Clock;
  readonly wakes: Pick<ReplicaWakes, 'wake' | 'first'>;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

interface View {
  readonly replicas: readonly Replica[];
  /** Whether it gives all its replicas back while no call comes. */
  readonly sleeps: boolean;
  /** When the scheduler was asked for it; -Infinity: a replica of it has not answered since, so the next call reads it again. */
  askedAtMs: number;
  /** When a read in the background last began. */
  renewedAtMs: number;
  /** When the scheduler last did not answer. */
  unansweredAtMs: number;
}

/** A group is read again in the background at half of its time, and so long after the scheduler has not answered. */
const RENEWED_AFTER_MS = UPSTREAM_LIMITS.upstreamReplicasFreshMs / 2;

/** Of one replica: its address, its key and what holds them. */
const REPLICA_BYTES = 1_024;

/** Answers by which a replica says that it leaves, or that what it stands for does not answer. */
const ABSENT = new Set([502, 503]);

/**
 * The replicas of jobs that upstreams name. An isolate uses its copy for at most `upstreamReplicasFreshMs`, and for `upstreamReplicasStaleMs`
 * while the scheduler does not answer. A job is found by its tenant alone. [U12]
 */
export class ReplicaGroups {
  readonly #parts: GroupParts;
  readonly #views = new LruCache<View>({
    entriesMax: UPSTREAM_LIMITS.upstreamGroupsKnownMaxCount,
    bytesMax: UPSTREAM_LIMITS.upstreamGroupsKnownBytesMax,
  });

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  /** Those that answer, as their agents say. Empty where there are none, and where it cannot be determined. */
  async ready(tenantId: TenantId, jobId: JobId): Promise<readonly Replica[]> {
    const { clock, background } = this.#parts;
    const nowMs = clock.nowMs();
    const known = this.#views.get(groupOf(tenantId, jobId), nowMs);
    // All calls of the tenant come by here, also those to other upstreams: few of them wait for a scheduler that is down.
    if (known !== undefined && nowMs - known.unansweredAtMs < RENEWED_AFTER_MS) return known.replicas;
    if (known === undefined || nowMs - known.askedAtMs >= UPSTREAM_LIMITS.upstreamReplicasFreshMs)
      return this.#asked(tenantId, jobId, nowMs);
    if (nowMs - Math.max(known.askedAtMs, known.renewedAtMs) >= RENEWED_AFTER_MS) {
      known.renewedAtMs = nowMs;
      background(this.#asked(tenantId, jobId, nowMs));
    }
    return known.replicas;
  }

  /**
   * A plan with replicas of the jobs that it names and that had none, as they are given all back while no call comes: their jobs get one. Where
   * something else in the plan can be called, or `caller` does not wait, nothing waits for that. Refuses with `no_healthy_replica`. [J360]
   */
  async awake(tenantId: TenantId, plan: Plan, caller: Omit<FirstReplica<Plan>, 'look'> | undefined): Promise<Outcome<Plan>> {
    const { clock, wakes, background } = this.#parts;
    const isAsleep = (job: JobId): boolean => this.#views.get(groupOf(tenantId, job), clock.nowMs())?.sleeps === true;
    const empty = plan.groups.flat().flatMap(({ baseUrl, replicas }) => (replicas?.length === 0 ? (replicasJobOf(baseUrl) ?? []) : []));
    const jobs = [...new Set(empty)].filter(isAsleep);
    if (jobs.length === 0) return ok(plan);
    if (caller === undefined || withReplicas(plan).groups.length > 0) {
      background(wakes.wake(tenantId, jobs));
      return ok(plan);
    }
    return wakes.first(tenantId, jobs, { ...caller, look: () => this.#look(tenantId, jobs, plan) });
  }

  /** The plan with the replicas that these jobs have by now; undefined: there is none yet. */
  async #look(tenantId: TenantId, jobs: readonly JobId[], plan: Plan): Promise<Outcome<Plan | undefined>> {
    const nowMs = this.#parts.clock.nowMs();
    const ready = new Map(await Promise.all(jobs.map(async (job) => [job, await this.#asked(tenantId, job, nowMs)] as const)));
    if ([...ready.values()].every(({ length }) => length === 0)) return ok(undefined);
    const groups = plan.groups.map((group) =>
      group.map((target) => {
        const job = replicasJobOf(target.baseUrl);
        const replicas = job === undefined ? undefined : ready.get(job);
        return replicas === undefined ? target : { ...target, replicas };
      }),
    );
    return ok({ ...plan, groups });
  }

  /** Refuses with `job_not_found`, and with `state_conflict` a job that has no replicas, or none any more. */
  async check(tenantId: TenantId, jobId: JobId): Promise<Outcome<null>> {
    const found = await this.#parts.find(tenantId, jobId).catch(() => undefined);
    if (found === undefined)
      return refuse('unavailable', 'it cannot be determined whether the job has replicas: repeat the call', 'base_url');
    if (!found.ok) return found;
    const { work, state, finishedAtMs } = found.value;
    if (work.kind !== 'online_inference')
      return refuse('state_conflict', `names a job of the kind ${work.kind}, which has no replicas`, 'base_url');
    return finishedAtMs === null ? ok(null) : refuse('state_conflict', `names a job that is ${state}`, 'base_url');
  }

  /** A transport by which a replica that does not answer has its group read anew: where it was, there may be another by now. */
  watching(transport: UpstreamTransport): UpstreamTransport {
    return {
      open: async (target, request, cancellation) => {
        const opened = await transport.open(target, request, cancellation);
        const isAbsent = opened.kind === 'fault' ? opened.fault !== 'cancelled' : ABSENT.has(opened.status);
        if (isAbsent && target.replica !== undefined) this.#expire(target.replica.group);
        return opened;
      },
    };
  }

  #expire(group: string): void {
    const view = this.#views.get(group, this.#parts.clock.nowMs());
    if (view !== undefined) view.askedAtMs = -Infinity;
  }

  /** As the scheduler answers; those that are known, where it does not. */
  async #asked(tenantId: TenantId, jobId: JobId, askedAtMs: number): Promise<readonly Replica[]> {
    const group = groupOf(tenantId, jobId);
    const found = await this.#parts.find(tenantId, jobId).catch(() => undefined);
    const nowMs = this.#parts.clock.nowMs();
    const before = this.#views.get(group, nowMs);
    // What was asked for later is newer.
    if (before !== undefined && before.askedAtMs > askedAtMs) return before.replicas;
    if (found === undefined) {
      if (before !== undefined) before.unansweredAtMs = nowMs;
      return before?.replicas ?? [];
    }
    const replicas = found.ok ? this.#readyIn(found.value, group) : [];
    const bytes = REPLICA_BYTES * (1 + replicas.length);
    const sleeps = found.ok && found.value.finishedAtMs === null && mayHaveNone(found.value);
    const view = { replicas, sleeps, askedAtMs, renewedAtMs: askedAtMs, unansweredAtMs: -Infinity };
    this.#views.set(group, view, bytes, askedAtMs + UPSTREAM_LIMITS.upstreamReplicasStaleMs);
    return replicas;
  }

  /**
   * Their addresses were checked when their agents named them, and are checked again for what no pool may name [P93]. Replicas of a job that is to
   * stop take no more calls.
   */
  #readyIn({ attempt, state }: Job, group: string): readonly Replica[] {
    const members = state === 'running' ? (attempt?.group?.members ?? []) : [];
    return members.flatMap(({ serving }) => {
      const host = serving?.isHealthy === true ? this.#parts.hostOf(serving.url) : undefined;
      return serving === undefined || host === undefined || isForbidden(host) ? [] : [{ url: serving.url, key: serving.key, group }];
    });
  }
}

const mayHaveNone = ({ work }: Job): boolean => work.kind === 'online_inference' && work.scaling?.min === 0;

const groupOf = (tenantId: TenantId, jobId: JobId): string => `${tenantId}/${jobId}`;
