export interface AnnOptions {
  /** A folder with base.fvecs and query.fvecs, instead of the word vectors. */
  readonly data?: string | undefined;
  /** The metric of the vectors in `data`. */
  readonly metric?: string | undefined;
  /** Also measures other libraries, after installing them; the first run builds their indexes, which takes half an hour. */
  readonly peers?: boolean | undefined;
  /** Comma-separated names of the contenders to measure; nothing else is measured then. */
  readonly only?: string | undefined;
  /** Searches one hundredth of the rows, by a filter on their metadata. */
  readonly filtered?: boolean | undefined;
  /** Searches texts by their words, and by these with vectors. */
  readonly hybrid?: boolean | undefined;
  /** Uses fewer vectors, queries and rounds. */
  readonly quick?: boolean | undefined;
}
