/** Limits of how documents become blocks, chunks and passages. */
export const DOCUMENT_LIMITS = {
  // UTF-16 units of a document's text: a book of 3,000 pages; as 16-bit units an eighth of the memory of an isolate.
  documentCharsMax: 8_388_608,
  // UTF-16 units that are parsed in one step, and of the longest block: hostile Markdown of this length takes some 10 ms.
  blockCharsMax: 16_000,
  // Blocks of a document: those of 8 million characters of usual text are 100,000.
  blocksMaxCount: 262_144,
  // UTF-16 units of a record of CSV or JSON lines: it is read as a whole, in some 10 ms at the most.
  recordCharsMax: 262_144,
  // Fields of a record of JSON lines that are texts of the document.
  recordFieldsMaxCount: 16,
  // Marks of quotes and lists at the beginning of a line of Markdown: each opens a level, and people nest four; parsers take seconds for thousands.
  markdownMarksMaxCount: 16,
  // UTF-16 units of a heading's title in paths of headings: every chunk below carries it.
  headingCharsMax: 256,
  // Chunks of a document: as many vectors are computed and written for one change of its version.
  chunksMaxCount: 32_768,
  // Tokens of the shortest limit of chunks: with fewer, a sentence does not fit.
  chunkTokensMin: 16,
  // Tokens of the longest limit of chunks: what retrieval finds is passed to models whole.
  chunkTokensMax: 2_048,
  // Units (sentences, rows, lines) of one chunk: the division of a text compares so many places for each of its cuts.
  chunkUnitsMaxCount: 256,
  // Chunks on either side of one that was found.
  neighboursMaxCount: 16,
  // UTF-16 units of an answer whose citations are checked: beyond any model's output.
  answerCharsMax: 262_144,
  // Quotes of an answer that are looked for in passages.
  quotesMaxCount: 256,
} as const;
