import type { PoolId } from '../../../kernel/ids.ts';

/** How capacity is bought. */
export type Market = 'reserved' | 'on_demand' | 'spot';

/** A set of nodes of one kind, run by one backend in one region. */
export interface PoolSpec {
  readonly id: PoolId;
  readonly region: string;
  readonly backend: 'agent' | 'slurm' | 'kubernetes' | 'ray' | 'openai';
  readonly market: Market;
  /** How the pool grows and shrinks; null when its nodes are what they are. */
  readonly elasticity: PoolElasticity | null;
}

export interface PoolElasticity {
  readonly nodesMin: number;
  readonly nodesMax: number;
  /** What each node of the pool is. */
  readonly template: NodeTemplate;
  /** From asking for a node to work on it. */
  readonly provisioningMs: number;
  /** A node that had nothing to do for this long is given back. */
  readonly idleMs: number;
}

export interface NodeTemplate {
  readonly accelerator: string | null;
  readonly acceleratorCount: number;
  readonly cpuMilli: number;
  readonly memoryMib: number;
}
