/** Jobs of one accelerator each and how fast they are on each type, as in Gavel's `continuous-single` traces. */
export interface GavelTrace {
  readonly types: readonly string[];
  /** In order of arrival. */
  readonly jobs: readonly GavelJob[];
}

export interface GavelJob {
  readonly id: number;
  /** In units of the mean time between arrivals. */
  readonly arrivalUnit: number;
  /** Seconds of work on the type that does it fastest. */
  readonly workS: number;
  /** By type: how fast it is there, as a part of the fastest. */
  readonly speeds: readonly number[];
}
