import type { JobId } from '../../kernel/ids.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { JobRecord } from './job-record.ts';
import { owner } from './job-record.ts';

interface End {
  readonly endMs: number;
  readonly sequence: number;
  readonly jobId: JobId;
}

/** Jobs that own a place, by when they will have left it, kept in order: who waits for a place asks for the first few. */
export class ExpectedEnds {
  readonly #undo: UndoLog;
  readonly #endMsOf: (job: JobRecord) => number;
  readonly #ends: End[] = [];
  readonly #byJob = new Map<JobId, End>();

  constructor(undo: UndoLog, endMsOf: (job: JobRecord) => number) {
    this.#undo = undo;
    this.#endMsOf = endMsOf;
  }

  /** Soonest first, then who was submitted first. */
  get inOrder(): readonly End[] {
    return this.#ends;
  }

  /** Follows a change of a job. */
  change(job: JobRecord): void {
    const { id } = job.spec;
    const before = this.#byJob.get(id);
    const endMs = owner(job) === null ? undefined : this.#endMsOf(job);
    if (before?.endMs === endMs) return;
    const after = endMs === undefined ? undefined : { endMs, sequence: job.sequence, jobId: id };
    this.#replace(before, after);
    this.#undo.note(() => this.#replace(after, before));
  }

  #replace(left: End | undefined, taken: End | undefined): void {
    if (left !== undefined) {
      this.#ends.splice(this.#indexOf(left), 1);
      this.#byJob.delete(left.jobId);
    }
    if (taken !== undefined) {
      this.#ends.splice(this.#indexOf(taken), 0, taken);
      this.#byJob.set(taken.jobId, taken);
    }
  }

  #indexOf(end: End): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#ends[middle];
      if (other !== undefined && (other.endMs - end.endMs || other.sequence - end.sequence) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
