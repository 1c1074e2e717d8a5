/** Limits of how documents become blocks, chunks and passages. */
export const DOCUMENT_LIMITS = {
  // UTF-16 units of a document's text: some forty thousand pages. It comes in slices, so that this bounds work, not memory.
  documentCharsMax: 104_857_600,
  // UTF-16 units that are read in one step, and of the longest block: what is slowest to read or to count takes some 10 ms for so many. Paragraphs have a tenth.
  blockCharsMax: 8_000,
  // UTF-16 units of a record of CSV or JSON lines: it is read as a whole, in some 10 ms at the most.
  recordCharsMax: 262_144,
  // Fields of a record of JSON lines that are texts of the document.
  recordFieldsMaxCount: 16,
  // Marks of quotes and lists at the beginning of a line of Markdown: each opens a level, and people nest four; parsers take seconds for thousands.
  markdownMarksMaxCount: 16,
  // UTF-16 units of a heading's title in paths of headings: every chunk below carries it.
  headingCharsMax: 256,
  // UTF-16 units of the rows that name a table's columns: longer ones would not fit beside what is below them.
  headerCharsMax: 4_096,
  // Chunks of a document: as many vectors are computed and written for one change of its version, and as many contents are counted in memory (30 MB).
  chunksMaxCount: 262_144,
  // Tokens of the shortest limit of chunks: with fewer, a sentence does not fit.
  chunkTokensMin: 16,
  // Tokens of the longest limit of chunks: what retrieval finds is passed to models whole.
  chunkTokensMax: 2_048,
  // Units (sentences, rows, lines) of one chunk: the division of a text compares so many places for each of its cuts.
  chunkUnitsMaxCount: 256,
  // Units of a stretch that is divided at once: some 5 ms.
  stretchUnitsMaxCount: 2_048,
  // Full chunks of such a stretch, which is kept in memory until it is whole: sixteen times as many as usual.
  stretchChunksMaxCount: 64,
  // Chunks on either side of one that was found.
  neighboursMaxCount: 16,
  // UTF-16 units of an answer whose citations are checked: beyond any model's output.
  answerCharsMax: 262_144,
  // Quotes of an answer that are looked for in passages.
  quotesMaxCount: 256,
} as const;
