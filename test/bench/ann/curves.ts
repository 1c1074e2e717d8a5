import { loadavg } from 'node:os';
import { must } from '../../../src/kernel/assert.ts';
import { ContenderProcess } from './contender-process.ts';
import type { Setting } from './contender.ts';
import { recallOf } from './recall.ts';
import type { Truth } from './truth.ts';
import type { SetPlace, VectorSet } from './vector-set.ts';

/** How much to measure. */
export interface Effort {
  /** By topK: the time for measuring the recall of one setting; as many queries are asked as fit into it. */
  readonly recallMs: Readonly<Record<number, number>>;
  /** By topK: the time for one timing. */
  readonly timingMs: number;
  readonly rounds: Readonly<Record<number, number>>;
}

export interface Point {
  readonly contender: string;
  readonly setting: string;
  readonly topK: number;
  readonly recall: number;
  /** The number of queries with which the recall was measured. */
  readonly queries: number;
  /** Queries a second, one query a call on one thread: of the best round, and of the median round. */
  readonly best: number;
  readonly median: number;
  /** Queries a second of the process's CPU time, in the best round; other load on the machine affects it less. */
  readonly bestByCpu: number;
}

export interface Standing {
  readonly contender: string;
  readonly bytesPerVector: number;
  readonly buildCpuS: number;
  /** Load average when the contender was last built or opened; and its error, if it failed. */
  readonly loadAverage: number;
  readonly failure?: string;
}

interface Trial {
  readonly process: ContenderProcess;
  readonly settings: Readonly<Record<number, readonly Setting[]>>;
}

interface Run {
  readonly trial: Trial;
  readonly setting: Setting;
  readonly topK: number;
  recall: number;
  queries: number;
  /** The number of queries in one timing. */
  timed: number;
  readonly wallMs: number[];
  readonly cpuMs: number[];
}

const WARM_UP = 100;

/** Measures the contenders side by side: their rounds are interleaved, so that disturbances of the machine affect all alike. */
export class Curves {
  readonly #place: SetPlace;
  readonly #set: VectorSet;
  readonly #truth: Truth;
  readonly #effort: Effort;
  readonly #trials: Trial[] = [];
  readonly standings: Standing[] = [];

  constructor(place: SetPlace, set: VectorSet, truth: Truth, effort: Effort) {
    this.#place = place;
    this.#set = set;
    this.#truth = truth;
    this.#effort = effort;
  }

  /** Builds or opens a contender. If that fails, it takes no part. */
  async enter(contender: string): Promise<void> {
    const child = new ContenderProcess(contender);
    const loadAverage = Number((loadavg()[0] ?? 0).toFixed(1));
    try {
      const { settings, bytes, buildCpuS } = await child.open(this.#place);
      const bytesPerVector = Math.round(bytes / this.#set.base.count);
      this.standings.push({ contender, bytesPerVector, buildCpuS: Number(buildCpuS.toFixed(1)), loadAverage });
      this.#trials.push({ process: child, settings });
    } catch (error) {
      child.close();
      this.#fail(contender, error);
    }
  }

  async measure(topK: number): Promise<Point[]> {
    const runs: Run[] = this.#trials.flatMap((trial) =>
      (trial.settings[topK] ?? []).map((setting) => ({ trial, setting, topK, recall: 0, queries: 0, timed: 0, wallMs: [], cpuMs: [] })),
    );
    for (const run of runs) await this.#attempt(run, () => this.#measureRecall(run));
    for (let round = 0; round < must(this.#effort.rounds[topK], 'every topK has its effort'); round += 1)
      for (const run of runs) await this.#attempt(run, () => this.#time(run));
    return runs.filter(({ wallMs }) => wallMs.length > 0).map((run) => this.#pointOf(run));
  }

  close(): void {
    for (const { process: child } of this.#trials) child.close();
  }

  async #attempt({ trial }: Run, action: () => Promise<void>): Promise<void> {
    if (!this.#trials.includes(trial)) return;
    try {
      await action();
    } catch (error) {
      this.#trials.splice(this.#trials.indexOf(trial), 1);
      this.#fail(trial.process.name, error);
    }
  }

  #fail(contender: string, error: unknown): void {
    console.error(`out of the run: ${String(error)}`);
    this.standings.push({ contender, bytesPerVector: 0, buildCpuS: 0, loadAverage: 0, failure: String(error) });
  }

  async #measureRecall(run: Run): Promise<void> {
    const { trial, setting, topK } = run;
    const warmUp = await trial.process.search({ setting, topK, from: 0, count: Math.min(WARM_UP, this.#set.queries.count) });
    const fitting = (ms: number): number =>
      Math.min(this.#set.queries.count, Math.max(WARM_UP, Math.floor((ms * WARM_UP) / warmUp.wallMs)));
    run.queries = fitting(must(this.#effort.recallMs[topK], 'every topK has its effort'));
    run.timed = fitting(this.#effort.timingMs);
    const { found } = await trial.process.search({ setting, topK, from: 0, count: run.queries });
    run.recall = recallOf(this.#set, this.#truth, found, topK);
  }

  async #time({ trial, setting, topK, wallMs, cpuMs, timed: count }: Run): Promise<void> {
    const done = await trial.process.search({ setting, topK, from: 0, count });
    wallMs.push(done.wallMs / count);
    cpuMs.push(done.cpuMs / count);
  }

  #pointOf({ trial, setting, topK, recall, queries, wallMs, cpuMs }: Run): Point {
    const perSecond = (ms: number): number => Math.round(1000 / ms);
    const sorted = wallMs.toSorted((a, b) => a - b);
    return {
      contender: trial.process.name,
      setting: Object.entries(setting)
        .map(([name, value]) => `${name} ${value}`)
        .join(' '),
      topK,
      recall: Number(recall.toFixed(4)),
      queries,
      best: perSecond(Math.min(...wallMs)),
      median: perSecond(must(sorted[sorted.length >> 1], 'there are rounds')),
      bestByCpu: perSecond(Math.min(...cpuMs)),
    };
  }
}
