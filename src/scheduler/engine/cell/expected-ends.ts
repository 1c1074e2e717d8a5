import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { CohortNode } from '../fairness/quota-tree.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { Durations } from './observations.ts';
import type { JobRecord } from './job-record.ts';
import { owner } from './job-record.ts';

/** An owner of a placement, and when it is expected to have left. */
export interface ExpectedRelease {
  readonly endMs: number;
  readonly sequence: number;
  readonly jobId: JobId;
  readonly classKey: string;
  readonly site: Site;
}

/** The nodes that jobs are on, and the quota they hold: jobs on the same may wait for them. */
interface Site {
  readonly poolId: PoolId;
  readonly root: CohortNode;
  /** Soonest first, then by submission. */
  readonly releases: ExpectedRelease[];
}

/** Jobs that own a placement, by expected end, kept in order: a waiting job needs the first few that block it. */
export class ExpectedEnds {
  readonly #undo: UndoLog;
  readonly #endMsOf: (job: JobRecord) => number;
  readonly #rootOf: (job: JobRecord) => CohortNode;
  readonly #sites = new Map<CohortNode, Map<PoolId, Site>>();
  readonly #byJob = new Map<JobId, ExpectedRelease>();
  readonly #byClass = new Map<string, Set<JobId>>();

  constructor(undo: UndoLog, endMsOf: (job: JobRecord) => number, rootOf: (job: JobRecord) => CohortNode) {
    this.#undo = undo;
    this.#endMsOf = endMsOf;
    this.#rootOf = rootOf;
  }

  /** Those on the nodes in question, soonest first, then by submission. */
  *inOrder(concerns: (site: Site) => boolean): Generator<ExpectedRelease, void> {
    const lists = [...this.#sites.values()].flatMap((pools) => [...pools.values()].filter(concerns).map(({ releases }) => releases));
    const next = lists.map(() => 0);
    for (;;) {
      let first: ExpectedRelease | undefined;
      let from = 0;
      for (const [index, list] of lists.entries()) {
        const release = list[next[index] ?? 0];
        if (release === undefined || (first !== undefined && byTime(first, release) < 0)) continue;
        [first, from] = [release, index];
      }
      if (first === undefined) return;
      next[from] = (next[from] ?? 0) + 1;
      yield first;
    }
  }

  /** The owners of a class. */
  ofClass(classKey: string): readonly JobId[] {
    return [...(this.#byClass.get(classKey) ?? [])];
  }

  /** Follows a change of a job. */
  change(job: JobRecord): void {
    const before = this.#byJob.get(job.spec.id);
    const attempt = owner(job);
    const site = attempt === null ? undefined : this.#site(this.#rootOf(job), attempt.poolId);
    const endMs = attempt === null ? undefined : this.#endMsOf(job);
    if (before?.site === site && before?.endMs === endMs) return;
    const { sequence, classKey, spec } = job;
    const after = site === undefined || endMs === undefined ? undefined : { endMs, sequence, jobId: spec.id, classKey, site };
    this.#replace(before, after);
    this.#undo.note(() => this.#replace(after, before));
  }

  #site(root: CohortNode, poolId: PoolId): Site {
    const pools = this.#sites.get(root) ?? new Map<PoolId, Site>();
    this.#sites.set(root, pools);
    const site = pools.get(poolId) ?? { poolId, root, releases: [] };
    pools.set(poolId, site);
    return site;
  }

  #replace(left: ExpectedRelease | undefined, taken: ExpectedRelease | undefined): void {
    if (left !== undefined) {
      const { site, jobId, classKey } = left;
      site.releases.splice(indexOf(left), 1);
      this.#byJob.delete(jobId);
      const alike = this.#byClass.get(classKey);
      alike?.delete(jobId);
      if (alike?.size === 0) this.#byClass.delete(classKey);
    }
    if (taken !== undefined) {
      const { site, jobId, classKey } = taken;
      site.releases.splice(indexOf(taken), 0, taken);
      this.#byJob.set(jobId, taken);
      this.#byClass.set(classKey, (this.#byClass.get(classKey) ?? new Set()).add(jobId));
    }
  }
}

function indexOf(release: ExpectedRelease): number {
  const { releases } = release.site;
  let low = 0;
  let high = releases.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = releases[middle];
    if (other !== undefined && byTime(other, release) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of those that never end, by submission. */
const byTime = (a: ExpectedRelease, b: ExpectedRelease): number => (a.endMs === b.endMs ? a.sequence - b.sequence : a.endMs - b.endMs);

/** When a placed job is expected to have ended: at its longest duration, else after what similar jobs have taken; Infinity when unknown. */
export function expectedEndMs({ spec, classKey, attempt }: JobRecord, nowMs: number, durations: Durations): number {
  const { durationMaxMs, deadlineAtMs } = spec.limits;
  const startedAtMs = attempt?.startedAtMs ?? attempt?.admittedAtMs ?? nowMs;
  const durationMs = durationMaxMs === null ? (durations.of(classKey) ?? Infinity) : durationMaxMs + spec.checkpoint.graceMs;
  return Math.min(startedAtMs + durationMs, (deadlineAtMs ?? Infinity) + spec.checkpoint.graceMs);
}
