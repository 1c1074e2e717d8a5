import { keyHash } from '../../../kernel/fast-hash.ts';
import { mix, Seeded } from '../../../kernel/seeded.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { placementLooks } from '../cell/looks.ts';
import { payableOf } from '../cell/payer-holds.ts';
import type { PlayedWait } from '../cell/start-errors.ts';
import { rootOf } from '../fairness/quota-tree.ts';
import { countedLatest, countedStarts } from './counted-play.ts';
import { engineLatest, engineStarts } from './engine-play.ts';
import type { Draws } from './run-time-draws.ts';
import { runTimeDraws } from './run-time-draws.ts';
import { waitInterval } from './start-interval.ts';

/** When a waiting job will start, as far as is known. Plain data. */
export interface StartForecast {
  /** It starts between these with the chance of `confidence`; null: later than anything that is known. */
  readonly earliestMs: number | null;
  readonly latestMs: number | null;
  /** It starts sooner as likely as later; null where no run times are known. */
  readonly medianMs: number | null;
  readonly confidence: number;
  /** `run_times`: of so many attempts of jobs like those before it. `limits`: none was seen to end, and the interval is all that limits allow. */
  readonly basis: 'run_times' | 'limits';
  readonly seen: number;
  /** What later starts are compared with (`StartErrors`); null: nothing was played. */
  readonly played: PlayedWait | null;
}

const CONFIDENCE = 0.8;

/** Ends that are played through by the engine in all, each with what starts after it. */
const FORECAST_ENDS_MAX = 480;

/** What all of that may look at; where that is not enough for `ENDS_MIN` ends in each of some samples, counts are played instead. */
export const FORECAST_LOOKS_MAX = 10_000;
const ENDS_MIN = 6;
const SAMPLES_MIN = 8;

/**
 * When a waiting job will start: what runs and what waits is played through again and again, each time with other run times, drawn from those of
 * jobs like these, while other jobs come as they came lately: by the engine itself where that is little, else by counts. The interval is
 * calibrated by how far starts lay from what was foreseen of them. The same job, state and time give the same answer. `draws`: what is known
 * of run times. Null where the job does not wait for nodes, or waits for its turn. Changes nothing.
 */
export function forecastStart(cell: Cell, job: JobRecord, draws?: Draws): StartForecast | null {
  if (!waitsForNodes(cell, job)) return null;
  const { nowMs } = cell;
  const drawn = (): Draws => draws ?? runTimeDraws(cell, new Seeded(keyHash(job.spec.id) ^ mix(nowMs % 2 ** 32)));
  const known = drawn();
  const unknown = { medianMs: null, confidence: CONFIDENCE, seen: known.seen, played: null };
  const [endsMax, looksMax] = [cell.settings.forecastEndsMax ?? FORECAST_ENDS_MAX, cell.settings.explainLooksMax ?? FORECAST_LOOKS_MAX];
  if (known.seen === 0) {
    const latestMs = isCrowded(cell) ? countedLatest(cell, job) : engineLatest(cell, job, endsMax / 4, looksMax / SAMPLES_MIN);
    return { ...unknown, earliestMs: nowMs, latestMs: finite(latestMs), basis: 'limits' };
  }
  const starts = (isCrowded(cell) ? undefined : engineStarts(cell, job, known, endsMax, looksMax)) ?? countedStarts(cell, job, drawn());
  const tree = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
  const interval = waitInterval(
    starts.map((startMs) => startMs - nowMs),
    cell.startErrors.of(tree),
  );
  if (interval === undefined) return { ...unknown, earliestMs: null, latestMs: null, basis: 'run_times' };
  return {
    ...unknown,
    earliestMs: Math.floor(nowMs + interval.earliestMs),
    latestMs: finite(Math.ceil(nowMs + interval.latestMs)),
    medianMs: Math.round(nowMs + interval.medianMs),
    basis: 'run_times',
    played: { tree, askedAtMs: nowMs, logWait: interval.logWait, spread: interval.spread },
  };
}

function waitsForNodes(cell: Cell, job: JobRecord): boolean {
  const queue = cell.holdings.queueOf(job.spec);
  if (!cell.jobs.isPending(job) || cell.isStopped(queue) || queue.spec.timeSlice !== undefined) return false;
  return cell.payers.of(payableOf(job)) === undefined;
}

const finite = (atMs: number): number | null => (Number.isFinite(atMs) ? Math.round(atMs) : null);

/** Whether a step of the engine, which may look at every class of waiting jobs, is too much to play some of them again and again. */
function isCrowded({ pending: { classCount }, fleet: { nodeCount }, settings }: Cell): boolean {
  const stepLooks = classCount * (1 + 2 * placementLooks(nodeCount, classCount));
  return stepLooks * ENDS_MIN > (settings.explainLooksMax ?? FORECAST_LOOKS_MAX) / SAMPLES_MIN;
}
