/** A batch as the bench requests it: the entries numbered `at`, each with a vector that begins with its number. */
export interface BatchTask {
  readonly kind: 'put' | 'get' | 'nothing';
  readonly at: readonly number[];
  readonly dimensions: number;
  readonly shards: string;
  readonly before: string;
}

export interface BatchResult {
  readonly found: number;
  readonly wrong: number;
  readonly failures: number;
}
