import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { must } from '../../kernel/assert.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Cell } from '../engine/cell/cell.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import type { Job, JobRequest } from './jobs/job.ts';
import type { SqliteJobStore } from './jobs/sqlite-job-store.ts';
import type { Sharing } from './quotas/sharing.ts';
import { checkRequest, specOf } from './spec-of.ts';
import type { StepContext } from './step-writer.ts';

interface SubmissionsParts {
  readonly jobs: SqliteJobStore;
  readonly sharing: Sharing;
  readonly cell: () => Cell;
  readonly nowMs: () => number;
  readonly transact: <T>(body: () => T) => T;
  readonly step: (events: readonly CellEvent[], context: StepContext) => readonly Outcome<unknown>[];
}

/** Takes jobs in. Those that come together are one step, which costs little more than that of one of them. */
export class Submissions {
  readonly #parts: SubmissionsParts;

  constructor(parts: SubmissionsParts) {
    this.#parts = parts;
  }

  /**
   * Queues jobs, each once per id, in this order; each is answered as if it had come alone. Refuses with `idempotency_mismatch`, `limit_exceeded`, or as
   * `checkRequest` does. [J376]
   */
  submitAll(requests: readonly JobRequest[]): readonly Outcome<Job>[] {
    return inSteps(requests).flatMap((together) => this.#submit(together));
  }

  /** A request as the engine takes it. Refuses one that cannot be queued as things are; `besides`: jobs of its tenant that come before it. */
  checked(request: JobRequest, besides = 0): Outcome<JobSpec> {
    const { jobs, sharing, cell, nowMs } = this.#parts;
    const queue = sharing.admits(request);
    if (!queue.ok) return queue;
    const fit = checkRequest(request, jobs, { nowMs: nowMs(), accelerators: cell().accelerators });
    if (!fit.ok) return fit;
    const { isBarred, openCount } = jobs.submitter(request.tenantId);
    if (isBarred) return refuse('tenant_suspended', 'the tenant is erased');
    const open = openCount + besides;
    if (open >= JOB_LIMITS.jobsOpenMaxCount)
      return refuseBeyond({ limit: 'jobsOpenMaxCount', value: open + 1, what: `the tenant has ${open} unfinished jobs already` });
    return ok({ ...specOf(request), dependsOn: fit.value });
  }

  #submit(requests: readonly JobRequest[]): readonly Outcome<Job>[] {
    const { jobs, sharing, transact, step } = this.#parts;
    const answers = new Map<JobId, Outcome<unknown>>();
    const submitted = new Map<JobId, JobRequest>();
    const arrived = new Map<TenantId, number>();
    const events: CellEvent[] = [];
    for (const request of requests) {
      const { id, tenantId } = request;
      const known = this.#known(request);
      const besides = arrived.get(tenantId) ?? 0;
      const checked = known ?? this.checked(request, besides);
      answers.set(id, checked);
      if (known !== undefined || !checked.ok) continue;
      if (besides === 0) events.push(...sharing.arrivals(tenantId));
      events.push({ kind: 'submit', spec: checked.value as JobSpec });
      submitted.set(id, request);
      arrived.set(tenantId, besides + 1);
    }
    const outcomes = events.length === 0 ? [] : transact(() => step(events, { submitted }));
    for (const [at, event] of events.entries())
      if (event.kind === 'submit') answers.set(event.spec.id, must(outcomes[at], 'an event has an outcome'));
    return requests.map(({ id }) => {
      const answer = must(answers.get(id), 'each request is answered');
      return answer.ok ? ok(must(jobs.find(id), 'a submitted job is stored')) : answer;
    });
  }

  /** What a request is answered whose id is known. */
  #known({ id, digest }: JobRequest): Outcome<Job> | undefined {
    const known = this.#parts.jobs.find(id);
    if (known === undefined || known.digest === digest) return known && ok(known);
    return refuse('idempotency_mismatch', 'was used by another caller or for another job', 'idempotency-key');
  }
}

/** Requests in their order, those together that can be checked before any of them is taken: none waits for another, or has its id. */
function inSteps(requests: readonly JobRequest[]): readonly (readonly JobRequest[])[] {
  const steps: JobRequest[][] = [];
  let ids = new Set<JobId>();
  for (const request of requests) {
    const last = steps.at(-1);
    const isOther =
      last === undefined || last.length === JOB_LIMITS.submitsTogetherMaxCount || request.dependsOn.length > 0 || ids.has(request.id);
    if (isOther) ids = new Set();
    ids.add(request.id);
    if (isOther) steps.push([request]);
    else last.push(request);
  }
  return steps;
}
