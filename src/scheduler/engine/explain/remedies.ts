import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { isWaiting, owner } from '../cell/job-record.ts';
import { grow } from '../elastic/grow.ts';
import { place } from '../machine/step.ts';
import { alternatives, obstaclesLifted } from './possible-changes.ts';
import type { Change, Remedy, RemedyStep, RemedyWays } from './remedy.ts';

/** What one explanation tries at most, and what all of it may look at: a trial is as much as a step of the scheduler up to the job. */
const TRIALS_MAX = 48;
export const REMEDY_LOOKS_MAX = 4_000;
/** The part of what is left that any one change may take: those that lead nowhere must leave something for the others. */
const CHANGE_LOOKS_PART = 1 / 2;
/** The share of them for any one change: finding out how much of it is needed, and what else. */
const TRIALS_EACH = 16;
const REMEDIES_MAX = 8;
const STEPS_MAX = 5;
/** Passes that place `admissionsMaxCount` jobs each. */
const PASSES_MAX = 4;
/** With more classes of waiting jobs than these a trial may take all that one change may. */
const CLASSES_MANY = 100;

/**
 * What would start a waiting job, found by trying it: each change that there is a call for is made on the cell itself, the scheduler runs as it
 * would after the call, and all is undone. A change that does not suffice is tried with more of the same, then with the next thing that
 * stands in the way; one that leads nowhere is left out. Empty when the job starts without one. [J335]
 */
export function remediesFor(cell: Cell, job: JobRecord, ways: RemedyWays): readonly Remedy[] {
  return new RemedySearch(cell, ways).of(job);
}

class RemedySearch {
  readonly #cell: Cell;
  readonly #ways: RemedyWays;
  #trialsLeft = TRIALS_MAX;

  constructor(cell: Cell, ways: RemedyWays) {
    this.#cell = cell;
    this.#ways = ways;
  }

  of(job: JobRecord): readonly Remedy[] {
    const { looks } = this.#cell;
    const found = new Map<string, Remedy>();
    const mostLooks = looks.taken + REMEDY_LOOKS_MAX;
    const within = <T>(suppose: () => T): T | undefined => looks.within((mostLooks - looks.taken) * CHANGE_LOOKS_PART, suppose);
    if (within(() => this.#startsByItself(job)) === true) return [];
    const isCrowded = this.#cell.pending.classCount > CLASSES_MANY;
    const alone = [...alternatives(this.#cell, job, this.#ways)].map((change) => ({ change, stepsMax: 1 }));
    const changes = [...obstaclesLifted(this.#cell, job, this.#ways)].map((change) => ({ change, stepsMax: STEPS_MAX }));
    // Where little can be tried, first what one trial decides.
    for (const { change, stepsMax } of isCrowded ? [...alone, ...changes] : [...changes, ...alone]) {
      if (found.size >= REMEDIES_MAX || this.#trialsLeft <= 0) break;
      const others = Math.max(0, this.#trialsLeft - TRIALS_EACH);
      this.#trialsLeft -= others;
      const remedy = within(() => this.#least(job.spec.id, change, stepsMax));
      this.#trialsLeft += others;
      if (remedy !== undefined) found.set(JSON.stringify(remedy.steps), remedy);
    }
    return [...found.values()];
  }

  #startsByItself({ spec }: JobRecord): boolean {
    return this.#tried(() => this.#settle(spec.id) === 'starts');
  }

  /** As little of a change as starts the job: twice as much until it does, then by bisection. */
  #least(jobId: JobId, change: Change, stepsLeft: number): Remedy | undefined {
    let high = change.timesMin ?? 1;
    let low = high - 1;
    let best = this.#completed(jobId, change, stepsLeft);
    if (change.times === undefined) return best === 'more' ? undefined : best;
    for (; best === 'more'; high *= 2) {
      const more = change.times(high * 2);
      if (more === undefined || this.#trialsLeft <= 0) return undefined;
      low = high;
      best = this.#completed(jobId, more, stepsLeft);
    }
    while (best !== undefined && high - low > 1 && this.#trialsLeft > 0) {
      const middle = (low + high) >> 1;
      const less = change.times(middle);
      const found = less === undefined ? undefined : this.#completed(jobId, less, stepsLeft);
      if (found === undefined || found === 'more') low = middle;
      else [best, high] = [found, middle];
    }
    return best;
  }

  /** A change, and what else it takes; `more` when more of the same is what it takes next. */
  #completed(jobId: JobId, change: Change, stepsLeft: number): Remedy | 'more' | undefined {
    if (this.#trialsLeft <= 0) return undefined;
    // Most changes lead nowhere, and that is known soonest with all others left aside.
    const alone = this.#followed(jobId, change, stepsLeft, true);
    if (alone !== 'promising') return alone;
    const found = this.#followed(jobId, change, stepsLeft, false);
    return found === 'promising' ? undefined : found;
  }

  /** Alone it shows at most some promise: what others do counts too. */
  #followed(jobId: JobId, change: Change, stepsLeft: number, isAlone: boolean): Remedy | 'promising' | 'more' | undefined {
    return this.#tried(() => {
      const cell = this.#cell;
      const now = change.make(cell);
      if (now === undefined) return undefined;
      const outcome = isAlone ? this.#settleAlone(now) : this.#settle(now);
      if (outcome === 'starts') return isAlone ? 'promising' : { steps: [change.step], evicts: evictedFor(cell, now) };
      if (outcome === 'over') return undefined;
      if (stepsLeft <= 1) return 'more';
      const all = [...obstaclesLifted(cell, cell.jobs.get(now), this.#ways)];
      const ofOption = all.filter(({ step }) => optionOf(step) === optionOf(change.step));
      const next = ofOption.length > 0 ? ofOption : all;
      if (next.some(({ target }) => target === change.target)) return 'more';
      const [first] = next;
      if (first === undefined) return undefined;
      if (isAlone) return 'promising';
      const rest = this.#least(now, first, stepsLeft - 1);
      return rest === undefined
        ? undefined
        : { steps: [change.step, ...rest.steps], evicts: [...new Set([...evictedFor(cell, jobId), ...rest.evicts])] };
    });
  }

  #tried<T>(attempt: () => T): T {
    this.#trialsLeft -= 1;
    const cell = this.#cell;
    const before = cell.poolChoices;
    cell.poolChoices = new WeakMap();
    try {
      return cell.undo.trial(attempt);
    } finally {
      cell.poolChoices = before;
    }
  }

  /** Lets the scheduler run until it has nothing left to do: what it places first may have to make room for others again. */
  #settle(jobId: JobId): 'starts' | 'waits' | 'over' {
    const cell = this.#cell;
    // Once none of its class can be placed, what those after it get is of no use to it.
    const isAsleep = (): boolean => cell.pending.isAsleep(cell.jobs.get(jobId));
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      place(cell, isAsleep);
      if (isAsleep()) return 'waits';
      grow(cell);
      if ([...cell.pending.awake()].every(({ queue }) => cell.isStopped(queue))) break;
    }
    return this.#outcome(jobId);
  }

  /** What becomes of the job if no other is placed: where it does not start even so, it does not start. */
  #settleAlone(jobId: JobId): 'starts' | 'waits' | 'over' {
    const cell = this.#cell;
    const { classKey } = cell.jobs.get(jobId);
    for (const pending of [...cell.pending.awake()]) if (pending.key !== classKey) cell.pending.sleep(pending);
    const isDecided = (): boolean => !isWaiting(cell.jobs.get(jobId)) || cell.pending.isAsleep(cell.jobs.get(jobId));
    place(cell, isDecided);
    return this.#outcome(jobId);
  }

  #outcome(jobId: JobId): 'starts' | 'waits' | 'over' {
    const job = this.#cell.jobs.get(jobId);
    if (owner(job) !== null) return 'starts';
    return isWaiting(job) ? 'waits' : 'over';
  }
}

/** The option that a step is for, if it is for one. */
const optionOf = (step: RemedyStep): number | undefined => ('option' in step ? step.option : undefined);

/** Jobs that are asked to leave for a job. */
const evictedFor = (cell: Cell, jobId: JobId): readonly JobId[] =>
  [...cell.jobs.leaving].filter((id) => cell.jobs.get(id).attempt?.leaving?.forJob === jobId);
