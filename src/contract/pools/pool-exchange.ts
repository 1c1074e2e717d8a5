import type { AttemptId, PoolId } from '../../kernel/ids.ts';
import type { AttemptReport, Grant, ReportVerdict } from '../jobs/attempt.ts';
import type { JobKind } from '../jobs/job-work.ts';
import type { Capacity } from '../jobs/node-capacity.ts';

// What a pool and the scheduler say to each other. Each message of a pool may come twice, and each effect may be answered again: applying
// them again changes nothing.

/** News of a pool, at most `schedulerBatchMaxCount` of each kind: applied in the order reports, nodes that left, nodes that joined, weights. */
export interface PoolMessage {
  readonly poolId: PoolId;
  /** Of a pool of several objects: which of them speaks, for its own agents alone. Absent: the root. */
  readonly partition?: number;
  readonly reports: readonly AttemptReport[];
  /** Agents that ask for no more work; `isLost`: they fell silent during an attempt. */
  readonly left: readonly { readonly nodeId: string; readonly isLost: boolean }[];
  /** Agents that ask for work, and what they are. */
  readonly joined: readonly PoolNode[];
  /** What agents hold of weights that hold others than they said last, or have said it anew after an attempt; absent: there are none. */
  readonly weights?: readonly HeldWeights[];
  /** The agents of the partition that have joined and not left, this message counted in. */
  readonly nodeCount: number;
  /** The pool has carried out the effects up to this one. */
  readonly carriedOut: number;
  /** How many more attempts may be handed over, to wait for their agents; absent: any number. [P122] */
  readonly startsMax?: number;
}

/** An agent as a node. Plain data. */
export interface PoolNode {
  readonly id: string;
  readonly name: string;
  /** Null: as an agent has it that says nothing of it, room for one small attempt. */
  readonly capacity: Capacity | null;
  /** Attempts that it runs at once, at most. */
  readonly attemptsMax: number;
  readonly domains: Readonly<Record<string, string>>;
  readonly ordinal: number;
  /** Ids of its accelerators, as its system shows them; absent: what there is was declared. */
  readonly devices?: readonly string[];
  /** Kinds of jobs that it runs; absent: those that need no leave of its operator. */
  readonly kinds?: readonly JobKind[];
  /** Where other agents of the pool reach it; null: nowhere. */
  readonly address: string | null;
  readonly weights: readonly NodeWeights[];
  /** What it has for weights, those in use counted in, whatever jobs claim of its memory; absent: it was not said. */
  readonly weightsMaxMib?: number;
}

/** Weights of a model as an agent holds them. */
export interface NodeWeights {
  readonly model: string;
  readonly memoryMib: number;
  readonly loadMs: number;
  /** Whether an attempt works with them; absent: none does. */
  readonly inUse?: boolean;
}

/** What an agent holds. */
export interface HeldWeights {
  readonly nodeId: string;
  readonly weights: readonly NodeWeights[];
}

/** What an agent that asks for work is answered. */
export interface LeasedWork {
  readonly grant: Grant | null;
  /** Models whose weights it has to forget. */
  readonly unload: readonly string[];
}

/** What the scheduler answers. */
export interface PoolOrders {
  /** In the order of the reports. */
  readonly verdicts: readonly ReportVerdict[];
  /** What is to be carried out, in this order: at most `schedulerBatchMaxCount`. */
  readonly effects: readonly NumberedEffect[];
  /**
   * The nodes of the partition as the scheduler counts them, where they are not as many as those of the pool: an answer was lost, or the
   * scheduler had given nodes up. The pool goes on from these. [J79]
   */
  readonly counted?: readonly string[];
  /** Nodes that the scheduler has asked for and that are not there yet, as it is now. */
  readonly coming: number;
  /** The pool was deleted. */
  readonly isGone?: true;
}

export interface NumberedEffect {
  readonly sequence: number;
  readonly effect: PoolEffect;
}

/** What a pool has to do. */
export type PoolEffect =
  /** Hand the attempt to the agent. */
  | { readonly kind: 'start'; readonly nodeId: string; readonly grant: Grant }
  /** Ask its agent to stop; it says so when it has. */
  | { readonly kind: 'stop'; readonly attemptId: AttemptId; readonly command: 'cancel' | 'stop' }
  /** Members of the attempt have come or gone: what this one is among them now. */
  | {
      readonly kind: 'regroup';
      readonly attemptId: AttemptId;
      readonly version: number;
      readonly rank: number;
      readonly worldSize: number;
    }
  /** The attempt goes on without this member, which has so long to stop. */
  | { readonly kind: 'leave'; readonly attemptId: AttemptId; readonly graceMs: number }
  /** Its time to stop is over: take it from its agent. */
  | { readonly kind: 'kill'; readonly attemptId: AttemptId }
  /** Let the agent forget weights: others need the memory. */
  | { readonly kind: 'unload'; readonly nodeId: string; readonly model: string }
  /** The scheduler counts the node no more: let it go. */
  | { readonly kind: 'retire'; readonly nodeId: string };
