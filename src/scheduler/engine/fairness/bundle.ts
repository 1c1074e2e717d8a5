import type { NodeDemand } from '../model/node-demand.ts';

/** So much of a resource: thousandths of cores or accelerators, or MiB. */
export interface Amount {
  readonly resource: string;
  readonly quantity: number;
}

/** Amounts of different resources. */
export type Bundle = readonly Amount[];

/** What `count` nodes' worth of a demand take, by the names that quotas go by. */
export function bundleOf(accelerator: string | null, demand: NodeDemand, count: number): Bundle {
  const { cpuMilli, memoryMib, acceleratorCount, milliEach } = demand;
  return [
    { resource: 'cpu', quantity: cpuMilli * count },
    { resource: 'memory', quantity: memoryMib * count },
    ...(accelerator === null ? [] : [{ resource: accelerator, quantity: acceleratorCount * milliEach * count }]),
  ].filter(({ quantity }) => quantity > 0);
}

/** How much of a resource is among the amounts. */
export const amountOf = (bundle: Bundle, resource: string): number => bundle.find((amount) => amount.resource === resource)?.quantity ?? 0;
