import type { CohortSpec } from './cohort-spec.ts';

/** What a cohort has of one resource, and what of it is in use. */
export interface Account {
  /** Its own nominal quota and what its members lend. */
  readonly subtree: number;
  /** The part of it that stays with its members. */
  readonly kept: number;
  readonly borrowingMax: number;
  /** Used here, less what members use of what they keep. More than `subtree` when borrowed. */
  used: number;
  /** Used by all members together. */
  held: number;
}

/** A cohort or queue with its position in the tree. */
export interface CohortNode {
  readonly spec: CohortSpec;
  readonly parent: CohortNode | null;
  readonly children: CohortNode[];
  /** 0 for a queue; one more than the highest of its children for a cohort. */
  height: number;
  readonly accounts: Map<string, Account>;
}

export const rootOf = (node: CohortNode): CohortNode => (node.parent === null ? node : rootOf(node.parent));
