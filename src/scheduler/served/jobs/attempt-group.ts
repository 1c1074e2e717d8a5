import type { Serving } from '../../../contract/jobs/attempt.ts';

/**
 * The members of an attempt whose nodes may change while it runs: one on each node, the first of them rank 0. A member has a number, which is
 * part of the name of its lease and of its log; none is used twice in an attempt. Plain data. [J211]
 */
export interface AttemptGroup {
  /** How often its members have changed: members of one version find each other. */
  readonly version: number;
  /** By rank. */
  readonly members: readonly Member[];
  /** Numbers of members that were asked to leave and are there still. */
  readonly leaving: readonly number[];
  /** The number of the next member. */
  readonly next: number;
  /** Of replicas whose number follows their load: what that is, as the engine knows it. Thousandths of requests under way. */
  readonly outstandingMilli?: number;
}

export interface Member {
  readonly number: number;
  readonly nodeId: string;
  /** Of a replica that has said where it serves. */
  readonly serving?: Serving;
}

/** The members that an attempt starts with. */
export const newGroup = (nodeIds: readonly string[]): AttemptGroup => ({
  version: 0,
  members: nodeIds.map((nodeId, number) => ({ number, nodeId })),
  leaving: [],
  next: nodeIds.length,
});

interface Regrouped {
  readonly group: AttemptGroup;
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
}

/** The group on these nodes, in the order of ranks: a member that was on one of them stays. */
export function regrouped({ version, members, leaving, next, ...rest }: AttemptGroup, nodeIds: readonly string[]): Regrouped {
  const byNode = new Map(members.map((member) => [member.nodeId, member]));
  const joined: Member[] = [];
  const now = nodeIds.map((nodeId) => {
    const known = byNode.get(nodeId);
    if (known !== undefined) return known;
    const member = { number: next + joined.length, nodeId };
    joined.push(member);
    return member;
  });
  const left = members.filter((member) => !now.includes(member));
  return {
    group: {
      ...rest,
      version: version + 1,
      members: now,
      leaving: [...leaving, ...left.map(({ number }) => number)],
      next: next + joined.length,
    },
    joined,
    left,
  };
}
