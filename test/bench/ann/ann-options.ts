export interface AnnOptions {
  /** A folder with base.fvecs and query.fvecs, in place of the word vectors. */
  readonly data?: string | undefined;
  /** How to compare the vectors of `data`. */
  readonly metric?: string | undefined;
  /** Also measures other libraries, which are installed first; the first time, building their indexes takes half an hour. */
  readonly peers?: boolean | undefined;
  /** Names of the only contenders, with commas between them; then nothing else is measured. */
  readonly only?: string | undefined;
  /** Fewer vectors, queries and rounds. */
  readonly quick?: boolean | undefined;
}
