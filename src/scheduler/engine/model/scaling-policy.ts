/** How nodes follow the load. */
export interface ScalingPolicy {
  /** What one node serves. */
  readonly requestsPerSecondPerNodeMilli: number;
  /** In this time a queue shall be worked off. */
  readonly drainMs: number;
  /** Fewer nodes only after the load has asked for fewer for so long. */
  readonly cooldownMs: number;
}
