import type { NodeWeights, PoolNode } from '../../contract/pool-exchange.ts';
import type { PoolId } from '../../kernel/ids.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { ModelWeights } from '../engine/model/job-spec.ts';
import type { AcceleratorType, NodeSpec } from '../engine/model/pool-spec.ts';
import { ONE_ATTEMPT } from './default-terms.ts';
import { domainsOf } from './offered-kinds.ts';

/** What an agent has for weights; undefined: what its memory has room for. One that says nothing of weights keeps none. */
export const weightsMaxMibOf = ({ weights, weightsMaxMib }: Pick<PoolNode, 'weights' | 'weightsMaxMib'>): number | undefined =>
  weightsMaxMib ?? (weights.length > 0 ? undefined : 0);

/** An agent as the engine sees it. */
export const nodeOf = ({ id, capacity, attemptsMax, domains, ordinal, kinds, ...rest }: PoolNode, poolId: PoolId): NodeSpec => ({
  id,
  poolId,
  ...(capacity ?? { accelerator: null, acceleratorCount: 0, ...ONE_ATTEMPT }),
  domains: domainsOf(domains, kinds),
  ordinal,
  jobsMax: attemptsMax,
  ...boundOf(weightsMaxMibOf(rest)),
});

const boundOf = (weightsMaxMib: number | undefined) => (weightsMaxMib === undefined ? {} : { weightsMaxMib });

/** What follows from agents that come: they are nodes, what is in their memory is known, and jobs may ask for the accelerators they have. */
export function arrivalsOf(nodes: readonly PoolNode[], poolId: PoolId): readonly CellEvent[] {
  if (nodes.length === 0) return [];
  const types = brought(nodes.flatMap(({ capacity }) => capacity?.accelerator ?? []));
  const weights = Object.fromEntries(
    nodes.flatMap((node) => (node.weights.length === 0 ? [] : [[node.id, node.weights.map(modelWeightsOf)]])),
  );
  const arrival: CellEvent = { kind: 'add_nodes', nodes: nodes.map((node) => nodeOf(node, poolId)) };
  return [...types, Object.keys(weights).length === 0 ? arrival : { ...arrival, weights }];
}

/** Jobs may ask for these accelerators from now on. */
export function brought(names: readonly string[]): readonly CellEvent[] {
  return names.length === 0 ? [] : [{ kind: 'add_accelerators', types: Array.from(new Set(names), typeOf) }];
}

/** Weights as the engine counts them; whether they are in use it knows by itself. */
export const modelWeightsOf = ({ model, memoryMib, loadMs }: NodeWeights): ModelWeights => ({ model, memoryMib, loadMs });

/** A type of which nothing but its name is known. */
export const typeOf = (name: string): AcceleratorType => ({ name, kind: 'gpu', memoryMib: 0, sharing: 'fractional' });
