import type { Outcome } from '../../../contract/outcome.ts';
import { refuse } from '../../../contract/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { finish } from '../life/end-attempt.ts';
import { checkJob } from '../model/check-job.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { Cell } from './cell.ts';
import type { JobRecord } from './job-record.ts';

/** Takes a job in, once per id. */
export function submit(cell: Cell, spec: JobSpec): Outcome<JobRecord> {
  const known = cell.find(spec.id);
  if (known !== undefined) return ok(known);
  const checked = checkJob(spec, cell.settings.accelerators);
  if (!checked.ok) return checked;
  if (cell.tree.queue(spec.queue) === undefined) return refuse('invalid_value', `there is no queue ${spec.queue}`, 'queue');
  const missing = spec.dependsOn.find((id) => cell.find(id) === undefined);
  if (missing !== undefined) return refuse('job_not_found', `no job ${missing}`, 'dependsOn');
  const shared = cell.shapes.shared(spec);
  cell.save({
    spec: shared.spec,
    classKey: shared.classKey,
    sequence: cell.nextSequence,
    state: 'pending',
    fence: 0,
    attempt: null,
    failures: 0,
    evictions: 0,
    costNanoDollars: 0,
    avoids: NOTHING,
    submittedAtMs: cell.nowMs,
    finishedAtMs: null,
    endReason: null,
    nodesWanted: spec.scaling === null ? null : 0,
    fewerSinceMs: null,
  });
  const isDoomed = spec.dependsOn.some((id) => ['failed', 'cancelled', 'expired'].includes(cell.job(id).state));
  if (isDoomed) finish(cell, cell.job(spec.id), 'failed', 'dependency_failed');
  return ok(cell.job(spec.id));
}

const NOTHING: readonly string[] = [];
