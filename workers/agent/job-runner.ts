import type { Assignment, OutputClaim } from '../../src/contract/pools/agent-protocol.ts';
import type { FailureReason, Serving } from '../../src/contract/jobs/attempt.ts';
import type { Progress, LineFault } from '../../src/contract/jobs/attempt-report.ts';
import type { JobKind } from '../../src/contract/jobs/job-work.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { AttemptBuild } from './attempt-build.ts';
import type { AttemptModel } from './attempt-model.ts';

/**
 * Why an attempt must stop before its work is done. `lost`: it is another agent's now, or about to be. `left`: it goes on without this agent.
 * `resized`: it goes on here, with more members or fewer.
 */
export type StopReason = 'cancelled' | 'released' | 'lost' | 'left' | 'resized';

/** How long the agent holds an attempt for certain, by its own clock. */
export interface LeaseClock {
  /** Milliseconds that it still holds the attempt unless the lease is extended. */
  leftMs(): number;
  /** Calls `listener` whenever the lease was extended. */
  onExtended(listener: () => void): void;
}

/** The files of an attempt, as the gateway has them. Each call tries again while the gateway is away, until the attempt is lost. */
export interface AttemptArtifacts {
  /** Downloads an input to `path`; throws `Refused` when it is gone, and `Corrupt` when what came is not what is stored. */
  fetchInput(index: number, path: string): Promise<void>;
  /** Uploads an output. It is invisible to the job's owner until the completion that names it is accepted. */
  storeOutput(index: number, path: string): Promise<OutputClaim>;
  /** Downloads what the attempts of the job have saved last; false when they have saved nothing. */
  fetchCheckpoint(path: string): Promise<boolean>;
  /** Uploads what the attempt has saved, also while it stops: later attempts begin with it. */
  storeCheckpoint(path: string): Promise<void>;
}

/** What a runner has for one attempt. */
export interface AttemptScope<Kind extends JobKind> {
  readonly assignment: Extract<Assignment, { kind: Kind }>;
  /** Empty at first, and removed afterwards. */
  readonly folder: string;
  readonly artifacts: AttemptArtifacts;
  readonly log: AttemptLog;
  readonly lease: LeaseClock;
  /** Aborted with a `StopReason`: the runner saves what it can within the grace of the assignment, nothing when `lost`, and rejects. */
  readonly signal: AbortSignal;
  /** The shard whose lists an index build trains. */
  readonly build: Pick<AttemptBuild, 'begin' | 'sample' | 'commit'>;
  /** The registered model that the job works with. */
  readonly model: Pick<AttemptModel, 'find' | 'download' | 'downloadWhole'>;
  /** The members of the attempt. */
  readonly group: GroupView;
  /**
   * Says where other members of this version of the group reach this one; resolves with the addresses of all, by rank, once each has said its
   * own. Rejects once `signal` is aborted.
   */
  readonly meet: (address: string, version: number, signal: AbortSignal) => Promise<readonly string[]>;
  readonly onProgress: (progress: Progress) => void;
  /** Says where a replica serves, and whether it answers; called again for each heartbeat, for what it has had to do since the last. */
  readonly onServing: (serving: () => Serving) => void;
}

/** How an attempt ended whose runner was not asked to stop. */
export type RunEnd =
  | { readonly kind: 'done'; readonly progress: Progress; readonly tokens: number; readonly outputs: readonly OutputClaim[] }
  | RunFailure;

export interface RunFailure {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  readonly message: string;
  /** Of a program that ended by itself. */
  readonly exitCode?: number;
  /** Of an input that is invalid. */
  readonly lines?: readonly LineFault[];
}

export const failed = (reason: FailureReason, message: string): RunFailure => ({ kind: 'failed', reason, message });

/**
 * Runs attempts of one kind of job. It returns, or rejects once `signal` is aborted; when it has done either, nothing that it started is left,
 * and nothing writes to the attempt's folder any more. [P51]
 */
export type JobRunner<Kind extends JobKind> = (scope: AttemptScope<Kind>) => Promise<RunEnd>;

/** The runners of an agent: a kind that is absent is not offered. */
export type JobRunners = { readonly [Kind in JobKind]?: JobRunner<Kind> };

/** What this member of an attempt is among all of them. */
export interface GroupPlace {
  readonly version: number;
  readonly rank: number;
  readonly worldSize: number;
}

/** What an agent knows of the members of an attempt, as its heartbeats bring it. */
export class GroupView {
  #place: GroupPlace;
  #changed = new AbortController();
  readonly #ask: () => Promise<void>;

  /** `ask`: brings news now; rejects while the gateway is away. */
  constructor(place: GroupPlace, ask: () => Promise<void>) {
    this.#place = place;
    this.#ask = ask;
  }

  get place(): GroupPlace {
    return this.#place;
  }

  /** Aborted, with the reason `resized`, once members have come or gone since now. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  /** Whether members have come or gone since that version, as the pool knows it now. */
  async hasChangedSince(version: number): Promise<boolean> {
    if (this.#place.version === version) await this.#ask().catch(() => undefined);
    return this.#place.version !== version;
  }

  /** Takes news; what is older than what is known is none. */
  take(place: GroupPlace): void {
    if (place.version <= this.#place.version) return;
    this.#place = place;
    const former = this.#changed;
    this.#changed = new AbortController();
    former.abort('resized');
  }
}
