/** Limits of the postings of text and sparse fields in a shard. */
export const POSTING_LIMITS = {
  // Rows that are searched in memory before they are flushed: after a loss of memory so many are analysed anew, about 100 ms of abstracts.
  memtableRowsMaxCount: 1_024,
  // The same for long rows: an isolate's budget must hold this twice, once while it is flushed.
  memtableBytesMax: 4 * 1024 * 1024,
  // Words of rows that are not flushed: those of texts that say the same over and over take little memory, and as long as others to analyse anew.
  memtableWordsMaxCount: 400_000,
  // Of one segment: a list of a sparse vector's dimension that all rows have is one value of SQLite, 4.4 bytes a row, 2 MB at most.
  segmentRowsMaxCount: 262_144,
  // How often a term occurs in a text at most: packed numbers have 25 bits. A larger count changes no score by a millionth.
  frequencyMax: 2 ** 25,
  // Segments are merged with all behind them unless they have more than this many times their rows: so a namespace has few, and a row moves a few times.
  mergeRatio: 2,
  // A segment is rewritten when more than a quarter of its rows is removed: until then they cost at most a third more to search.
  rewriteDeletedShare: 0.25,
  // Postings that a slice of maintenance handles; a term counts as some of them. Of abstracts, 99 slices of 100 take 7 ms of CPU at most.
  slicePostingsMaxCount: 50_000,
  // Leaves deleted by one statement: some hundred kilobytes.
  dropLeavesMaxCount: 32,
} as const;
