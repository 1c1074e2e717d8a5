import { explain } from '../../../src/scheduler/engine/explain/explain.ts';
import type { StartForecast } from '../../../src/scheduler/engine/explain/start-forecast.ts';
import { foreseen } from '../../../src/scheduler/served/foreseen.ts';
import type { ReplayCluster } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import { replayJobs } from '../../../src/scheduler/simulator/load/replay-jobs.ts';
import type { TracedJob } from '../../../src/scheduler/simulator/load/traced-jobs.ts';

/** A start that was foreseen when the job came, and when it came about. */
interface Start {
  readonly askedAtMs: number;
  readonly forecast: StartForecast;
  readonly roomAtMs: number | null;
  readonly startedAtMs: number;
}

export interface ReplayedStarts {
  /** Jobs that waited, that were asked about, and whose starts were foreseen from run times. */
  readonly waited: number;
  readonly asked: number;
  readonly foreseen: number;
  /** Parts of the foreseen: that started within the interval, before it, and after it. */
  readonly within: number;
  readonly before: number;
  readonly after: number;
  readonly medianWaitMs: number;
  readonly medianWidthMs: number;
  /** How wide the interval was, as a part of the wait. */
  readonly medianWidthPart: number;
  /** By how much `room_at` was later than the start, as a part of the wait; null where it was not known of most. */
  readonly medianRoomLatePart: number | null;
  readonly roomKnown: number;
  readonly cpuMsEach: number;
}

/** Replays jobs through the engine, asks about every so many-th that waits when it starts, and compares. */
export function replayedStarts(jobs: readonly TracedJob[], cluster: ReplayCluster, every: number, mostAsked = Infinity): ReplayedStarts {
  const open = new Map<number, Omit<Start, 'startedAtMs'>>();
  const starts: Start[] = [];
  let [waited, asked, cpuUs] = [0, 0, 0];
  replayJobs(jobs, cluster, {
    waits: (job, cell, record) => {
      waited += 1;
      if (waited % every !== 0 || asked >= mostAsked) return;
      const before = process.cpuUsage();
      const { forecast } = foreseen(cell, record, cell.nowMs);
      const { user, system } = process.cpuUsage(before);
      cpuUs += user + system;
      asked += 1;
      if (forecast !== null) open.set(job, { askedAtMs: cell.nowMs, forecast, roomAtMs: explain(cell, record).earliestStartMs });
    },
    started: (job, startedAtMs) => {
      const one = open.get(job);
      if (one !== undefined) starts.push({ ...one, startedAtMs });
    },
  });
  const compared = starts.filter(({ forecast }) => forecast.basis === 'run_times');
  const part = (is: (start: Start) => boolean): number => compared.filter(is).length / Math.max(1, compared.length);
  const isBefore = ({ forecast, startedAtMs }: Start): boolean => startedAtMs < (forecast.earliestMs ?? Infinity);
  const isAfter = ({ forecast, startedAtMs }: Start): boolean => startedAtMs > (forecast.latestMs ?? Infinity);
  const width = ({ forecast }: Start): number => (forecast.latestMs ?? Infinity) - (forecast.earliestMs ?? 0);
  const wait = ({ askedAtMs, startedAtMs }: Start): number => Math.max(1, startedAtMs - askedAtMs);
  const known = starts.filter(({ roomAtMs }) => roomAtMs !== null);
  return {
    waited,
    asked,
    foreseen: compared.length,
    within: part((start) => !isBefore(start) && !isAfter(start)),
    before: part(isBefore),
    after: part(isAfter),
    medianWaitMs: median(compared.map(wait)),
    medianWidthMs: median(compared.map(width)),
    medianWidthPart: median(compared.map((start) => width(start) / wait(start))),
    roomKnown: known.length / Math.max(1, starts.length),
    medianRoomLatePart:
      known.length < starts.length / 2 ? null : median(known.map((start) => ((start.roomAtMs ?? 0) - start.startedAtMs) / wait(start))),
    cpuMsEach: cpuUs / 1e3 / Math.max(1, asked),
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

interface Recurring {
  readonly jobs: number;
  readonly accelerators: number;
  /** What is asked for, as a part of what there is. */
  readonly load: number;
  readonly owners: number;
  readonly kinds: number;
  /** Of the logarithm of the run times of a kind. */
  readonly spread: number;
}

/** Jobs of some kinds that come again and again, as most do on clusters for training: each kind takes about a part of its limit that is its own. */
export function recurringLoad({ jobs, accelerators, load, owners, kinds, spread }: Recurring, chance: () => number): readonly TracedJob[] {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
  const made = Array.from({ length: kinds }, (_, kind) => {
    const limitMs = Math.round(10 * 60_000 * 24 ** chance());
    return {
      limitMs,
      usualMs: limitMs * (0.1 + 0.6 * chance()),
      accelerators: 2 ** Math.floor(4 * chance()),
      owner: `owner-${kind % owners}`,
    };
  });
  const drawn = Array.from({ length: jobs }, (): TracedJob => {
    const { limitMs, usualMs, accelerators: count, owner } = made[Math.floor(kinds * chance())] ?? made[0]!;
    return {
      arrivalMs: 0,
      durationMs: Math.round(Math.min(limitMs, usualMs * Math.exp(spread * normal()))),
      accelerators: count,
      owner,
      limitMs,
    };
  });
  const workMs = drawn.reduce((sum, job) => sum + job.durationMs * job.accelerators, 0);
  const meanMs = workMs / (load * accelerators * jobs);
  let atMs = 0;
  return drawn.map((job) => ({ ...job, arrivalMs: Math.round((atMs -= meanMs * Math.log(1 - chance()))) }));
}
