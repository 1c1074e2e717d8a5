import { LIMITS } from '../../contract/limits.ts';
import { refuse, refuseBeyond } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Step } from './decision.ts';
import type { Events, Replies } from './event.ts';
import type { JobView } from './job-store.ts';
import type { Job } from './job.ts';
import { NO_PROGRESS } from './job.ts';

/** Queues a job, once per id. */
export function submit(jobs: JobView, { request }: Events['submit'], nowMs: number): Step<Replies['submit']> {
  const known = jobs.find(request.id);
  if (known !== undefined) return { decisions: [], reply: sameRequest(known, request.digest) };
  const open = jobs.openCount(request.tenantId);
  if (open >= LIMITS.jobsOpenMaxCount) {
    const reply = refuseBeyond({ limit: 'jobsOpenMaxCount', value: open + 1, what: `the tenant has ${open} unfinished jobs already` });
    return { decisions: [], reply };
  }
  const job: Job = {
    ...request,
    sequence: jobs.nextSequence(),
    state: 'pending',
    fence: 0,
    attempt: null,
    ended: [],
    failures: 0,
    progress: NO_PROGRESS,
    outputFile: null,
    error: null,
    tokens: 0,
    acceleratorMs: 0,
    createdAtMs: nowMs,
    startedAtMs: null,
    finishedAtMs: null,
  };
  return {
    decisions: [
      { kind: 'save', job },
      { kind: 'nudge', poolId: 'waiting' },
    ],
    reply: ok(job),
  };
}

const sameRequest = (known: Job, digest: string): Replies['submit'] =>
  known.digest === digest ? ok(known) : refuse('idempotency_mismatch', 'was used by another caller or for another job', 'idempotency-key');
