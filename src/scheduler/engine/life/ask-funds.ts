import { must } from '../../../kernel/assert.ts';
import type { Cell } from '../machine/cell.ts';
import { saveJob } from '../machine/changes.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { milliHeld } from './charge-segment.ts';
import { mayAsk, NO_FUNDS } from './funds.ts';

/** Asks for the next grant of an attempt, unless it waits for one, has one, or was refused. */
export function askFunds(cell: Cell, job: JobRecord): void {
  const { attempt, spec } = job;
  const funds = attempt?.funds ?? NO_FUNDS;
  if (attempt === null || !mayAsk(funds)) return;
  const grant = funds.askedIndex + 1;
  saveJob(cell, { ...job, attempt: { ...attempt, funds: { ...funds, askedIndex: grant, askedAtMs: cell.nowMs } } });
  const { accelerator } = must(spec.options[attempt.option], 'the option exists');
  const milli = milliHeld(accelerator, attempt.placement);
  cell.decide({ kind: 'fund', jobId: spec.id, fence: attempt.fence, grant, milli });
}
