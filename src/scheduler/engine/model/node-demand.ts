/** What a job takes of one node. */
export interface NodeDemand {
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly acceleratorCount: number;
  /** Of each accelerator: `WHOLE_MILLI`, or less where the type can be shared. */
  readonly milliEach: number;
}
