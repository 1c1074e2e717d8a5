import type { AttemptId } from '../../kernel/ids.ts';

/** Why a job of a cluster is over, as the cluster has it on record. */
export type ClusterEnd = 'succeeded' | 'failed' | 'time_limit' | 'cancelled' | 'preempted' | 'node_lost';

export type ClusterPhase =
  | { readonly kind: 'queued' }
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly how: ClusterEnd; readonly detail: string };

/** A job of a cluster that is there for an attempt. */
export interface ClusterJob {
  /** The cluster's id of it. A cluster may lose a job and give its id to another: `attemptId` is what counts. */
  readonly id: string;
  readonly attemptId: AttemptId;
  readonly phase: ClusterPhase;
}

/** What a cluster is asked to run: the runner, with this in its environment. */
export interface ClusterTask {
  readonly attemptId: AttemptId;
  readonly environment: Readonly<Record<string, string>>;
}

export type Submission =
  | { readonly kind: 'accepted'; readonly id: string }
  /** It is not in the cluster, and would not be after another try. */
  | { readonly kind: 'refused'; readonly message: string };

/**
 * A batch system that runs attempts. What a call throws means that its outcome is not known: a submission may have been taken, and the caller
 * has to look it up before it submits again.
 */
export interface Cluster {
  submit(task: ClusterTask): Promise<Submission>;
  /** The jobs of this pool, those that ended lately included. A job that is not among them does not exist. */
  list(): Promise<readonly ClusterJob[]>;
  /** Asks for the end of a job, after making sure that it still is the attempt's; one that is over or gone stays as it is. */
  cancel(job: ClusterJob): Promise<void>;
  /** Slots on nodes that take new jobs; Infinity where the cluster's own queue decides. */
  usableSlots(): Promise<number>;
  /** Ends what it keeps open, where it keeps something open: a watch. */
  close?(): void;
}

/** A line for a shell which becomes the program that the words name. */
export const shellCommand = (words: readonly string[]): string =>
  `exec ${words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')}`;
