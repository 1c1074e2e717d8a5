import { must } from '../../../kernel/assert.ts';
import { resize } from '../life/resize.ts';
import { tellToLeave } from '../life/tell-to-leave.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { owner } from '../machine/job-record.ts';
import type { Load, Scale } from './load-scaling.ts';
import { scaleTo } from './load-scaling.ts';
import { nodesWanted } from './nodes-wanted.ts';

/** Lets online inference have the nodes that its load asks for. */
export function followLoad(cell: Cell, job: JobRecord, load: Load): void {
  const { scaling } = job.spec;
  if (scaling === null) return;
  wantNodes(cell, job, scaleTo({ nodes: job.nodesWanted ?? 0, fewerSinceMs: job.fewerSinceMs }, load, scaling, cell.nowMs));
}

/** Says how many nodes a job should have: those it has too many it gives up, for more it is looked at, and with none it leaves. */
export function wantNodes(cell: Cell, job: JobRecord, { nodes, fewerSinceMs }: Scale): void {
  if (job.nodesWanted === nodes && job.fewerSinceMs === fewerSinceMs) return;
  const next = { ...job, nodesWanted: nodes, fewerSinceMs };
  cell.save(next);
  const attempt = owner(next);
  if (attempt === null) return;
  if (nodes === 0) return tellToLeave(cell, next, { reason: 'scaled_to_zero' });
  const { slots } = attempt.placement;
  const wanted = nodesWanted(next, must(next.spec.options[attempt.option], 'the option exists'));
  if (wanted < slots.length && attempt.shedding.length === 0) resize(cell, next, attempt, slots.slice(0, wanted));
}
