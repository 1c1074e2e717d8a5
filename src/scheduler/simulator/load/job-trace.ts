/** A job of a load: when it comes, what it takes, how long it runs. */
export interface TracedJob {
  readonly arrivalMs: number;
  readonly durationMs: number;
  readonly accelerators: number;
  /** Whose it is: each owner has a queue of its own. */
  readonly owner: string;
}
