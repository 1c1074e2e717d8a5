import type { NodeDemand } from './node-demand.ts';
import type { Market } from './pool-spec.ts';

/** One way to run a job. Of those it accepts, a job has the one where its own work costs least; of equals, the one it lists first. */
export interface ResourceOption {
  /** The type it needs; null when it needs none. */
  readonly accelerator: string | null;
  readonly perNode: NodeDemand;
  readonly nodes: NodeRange;
  readonly markets: readonly Market[];
  /** Regions its data may be processed in; null when anywhere. */
  readonly regions: readonly string[] | null;
  readonly topology: TopologyRequest | null;
  /** Thousandths of the job's own unit of work that one node does in an hour, as far as its owner knows. */
  readonly throughputHintMilli: number;
}

/** `min` nodes start together or not at all; more are taken and given back in steps, up to `max`. */
export interface NodeRange {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export interface TopologyRequest {
  /** The level of `NodeSpec.domains` in one domain of which all nodes shall lie. */
  readonly level: string;
  readonly mode: 'required' | 'preferred';
  /** The nodes form an aligned block of neighbours, as TPU slices do. */
  readonly block: boolean;
}
