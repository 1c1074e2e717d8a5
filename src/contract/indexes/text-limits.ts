/** Limits of how texts become terms, of text queries and of highlights. */
export const TEXT_LIMITS = {
  // UTF-16 units of one term: longer runs of letters and digits are data, such as keys in base64; they are cut, so that the dictionary holds
  // no texts.
  termCharsMax: 64,
  // Words that a field drops: the longest published lists have some 800.
  stopWordsMaxCount: 1_000,
  // Groups of synonyms of one field: looked up word by word, and part of every description of the index.
  synonymGroupsMaxCount: 1_000,
  // Words or phrases of one group.
  synonymsPerGroupMaxCount: 16,
  // UTF-16 units of one stop word or synonym, which may be a phrase.
  synonymCharsMax: 128,
  // Words of a synonym: each word of a text is compared with the phrases that may end there.
  synonymWordsMax: 8,
  // Forms of words that an analyser remembers with their terms, and as many older ones: some 4 MB; the vocabulary of a shard's texts is used
  // unevenly.
  formsKeptMaxCount: 16_384,
  // UTF-16 units of scripts without spaces that are segmented at once: the platform's segmenter slows down on long stretches.
  segmentedCharsMax: 2_048,
  // Terms of one text query: every one is a list of postings that the search walks.
  queryTermsMaxCount: 1_000,
  // UTF-16 units of all texts of one query: a passage of 1,000 words.
  queryCharsMax: 16_384,
  // Groups within groups: programs gone wrong write deeper ones.
  queryDepthMax: 8,
  // Clauses and groups of one query.
  queryClausesMaxCount: 256,
  // Words that may lie between those of a phrase.
  phraseSlopMax: 100,
  // Multiplies the scores of a clause: far beyond what tells clauses apart.
  boostMax: 1_000,
  // Edits of a fuzzy term: with three, most short words match each other.
  fuzzyDistanceMax: 2,
  // UTF-16 units at the start of a fuzzy term that have to agree.
  fuzzyPrefixMax: 32,
  // Terms of a dictionary that a prefix or fuzzy term is compared with at most, in order of code units: some milliseconds.
  expansionsReadMaxCount: 1_024,
  // Of these, how many a search walks: the most frequent ones.
  expansionsMaxCount: 64,
  // UTF-16 units of one fragment.
  fragmentCharsMax: 4_096,
  // Fragments of one field.
  fragmentsMaxCount: 32,
  // Matches that are looked at in one text for its highlights: some 2 ms.
  highlightMatchesMaxCount: 4_096,
} as const;
