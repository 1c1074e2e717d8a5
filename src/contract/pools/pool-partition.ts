import type { Brand, PoolId } from '../../kernel/ids.ts';

// A pool of many agents has several objects, its partitions. The first, the root, is named by the pool alone, so that a pool from before
// there were partitions is its own root. An agent's id says which partition has it; the scheduler sees one pool.

/** The name of the object that has a partition. */
export type PartitionName = Brand<'PartitionName'>;

/** The partition that opens and counts all others. */
export const ROOT_PARTITION = 0;

/** In a call about an attempt: the agent that has it, so that the call goes to that agent's partition. */
export const AGENT_HEADER = 'x-sluice-agent';

const AGENT = /^agt_(?:([1-9]\d?)_)?[0-9a-z]{16}$/;

export const partitionName = (pool: PoolId, number: number): PartitionName =>
  (number === ROOT_PARTITION ? pool : `${pool}.${number}`) as PartitionName;

export function partitionAt(name: PartitionName): { readonly poolId: PoolId; readonly number: number } {
  const [poolId, number = ROOT_PARTITION] = name.split('.');
  return { poolId: poolId as PoolId, number: Number(number) };
}

/** `random`: 16 characters. */
export const agentIdIn = (number: number, random: string): string =>
  number === ROOT_PARTITION ? `agt_${random}` : `agt_${number}_${random}`;

/** The partition that has an agent; the root's for what is no id of one. */
export const partitionOfAgent = (agentId: string): number => Number(AGENT.exec(agentId)?.[1] ?? ROOT_PARTITION);
