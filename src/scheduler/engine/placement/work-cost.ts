/** What determines the price of an option for a job. */
export interface WorkTerms {
  /** Of one node's worth. */
  readonly nanoDollarsPerHour: number;
  /** Thousandths of the job's own unit of work that a node does in an hour. */
  readonly throughputMilli: number;
  /** Nodes that work together: when one is taken away, all of them lose what was not saved. */
  readonly nodes: number;
  /** How often a node of the pool is taken away. */
  readonly interruptionsPerHour: number;
  /** What the job loses each time. */
  readonly lostHours: number;
  /** How contended the type is by jobs that insist on it, from 0 to 1. */
  readonly scarcity: number;
}

/** What all of a contended type would be worth to others, as a part of its price. */
const SCARCITY_WEIGHT = 0.25;

/** Nano-dollars for a thousandth of the job's own unit of work, done twice where it is lost, and a little more where others need the type. */
export function costPerWork(terms: WorkTerms): number {
  const { nanoDollarsPerHour, throughputMilli, nodes, interruptionsPerHour, lostHours, scarcity } = terms;
  const redone = 1 + nodes * interruptionsPerHour * lostHours;
  return (nanoDollarsPerHour * redone * (1 + SCARCITY_WEIGHT * scarcity)) / Math.max(1, throughputMilli);
}
