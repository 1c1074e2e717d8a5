import type { Outcome } from '../../../contract/api/outcome.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';
import { ok } from '../../../kernel/result.ts';
import { openSegment } from '../life/charge-segment.ts';
import type { Cell } from '../cell/cell.ts';
import type { Attempt, EvictionReason, JobRecord } from '../cell/job-record.ts';
import { submit, place } from '../machine/step.ts';
import type { JobSpec } from '../model/job-spec.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { Explanation } from './explain.ts';
import { explain } from './explain.ts';
import type { RemedyWays } from './remedy.ts';

/** What would become of a job if it were submitted now. Plain data. */
export type Plan =
  | {
      readonly kind: 'has_place';
      readonly option: number;
      readonly poolId: PoolId;
      readonly nodeIds: readonly string[];
      /** Thousandths of accelerators that it is charged for; of nodes, where it has none. */
      readonly milli: number;
      /** Of all of it. */
      readonly nanoDollarsPerHour: number;
      /** When it will have been handed over, if its victims take all of their grace. */
      readonly startMs: number;
      /** The jobs whose eviction would be requested for it. */
      readonly victims: readonly { readonly jobId: JobId; readonly reason: EvictionReason }[];
    }
  | { readonly kind: 'waits'; readonly explanation: Explanation };

/** Submits a job on trial: decides by the same code as an event would, says what came of it, and undoes it all. `inTrial` sees the job then. */
export function plan(
  cell: Cell,
  spec: JobSpec,
  nowMs: number,
  ways?: RemedyWays,
  inTrial: (job: JobRecord) => void = () => undefined,
): Outcome<Plan> {
  return cell.undo.trial((): Outcome<Plan> => {
    cell.advance(nowMs);
    const submitted = submit(cell, spec);
    if (!submitted.ok) return submitted;
    place(cell);
    const job = cell.jobs.get(spec.id);
    inTrial(job);
    if (job.attempt === null) return ok({ kind: 'waits', explanation: explain(cell, job, ways) });
    return ok(placeOf(cell, job, job.attempt));
  });
}

function placeOf(cell: Cell, job: JobRecord, attempt: Attempt): Plan {
  const { milli, nanoDollarsPerHour } = attempt.segment ?? openSegment(cell, job, attempt);
  const leaving = [...cell.jobs.leaving].map((id) => cell.jobs.get(id));
  const inItsWay = attempt.startedAtMs === null ? leaving.filter((other) => areOnOneNode(job, other)) : [];
  return {
    kind: 'has_place',
    option: attempt.option,
    poolId: attempt.poolId,
    nodeIds: attempt.placement.slots.map(({ node }) => cell.fleet.node(node).spec.id),
    milli,
    nanoDollarsPerHour: Math.floor((milli * nanoDollarsPerHour) / WHOLE_MILLI),
    startMs: inItsWay.reduce((atMs, other) => Math.max(atMs, other.attempt?.leaving?.graceEndsAtMs ?? 0), cell.nowMs),
    victims: leaving.flatMap(({ spec, attempt: its }) =>
      its?.leaving?.forJob === job.spec.id ? [{ jobId: spec.id, reason: its.leaving.reason }] : [],
    ),
  };
}

const areOnOneNode = (a: JobRecord, b: JobRecord): boolean =>
  a.attempt?.placement.slots.some(({ node }) => b.attempt?.placement.slots.some((slot) => slot.node === node)) ?? false;
