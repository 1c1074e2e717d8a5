/** Limits of prompts: named templates with versions. See `LIMITS`. */
export const PROMPT_LIMITS = {
  // Names that a tenant has used. A deleted one keeps its place, so that the numbers of its versions are not used again.
  promptsMaxCount: 5_000,
  // Versions are never edited, and all of them stay: a call may name any.
  promptVersionsMaxCount: 1_000,
  // Of one version, as JSON: some 16,000 words, below the 2 MB of a row.
  promptVersionBytesMax: 128 * 1024,
  // A conversation of examples.
  promptMessagesMaxCount: 64,
  // As many as people keep apart.
  promptVariablesMaxCount: 64,
  // Of one choice, such as the languages of a product.
  promptValuesMaxCount: 64,
  // Of a value that a variable takes, unless it says otherwise: a paragraph.
  promptValueDefaultChars: 8_192,
  // Of a value that a variable may take at most: a document.
  promptValueCharsMax: 262_144,
  // Of all messages with their values, which may be named often: an eighth of the body of a call.
  promptRenderedCharsMax: 1_048_576,
  // Names for versions, such as `production` and `staging`.
  promptLabelsMaxCount: 16,
  // Of comments and descriptions, which are shown in lists.
  promptTextCharsMax: 256,
  // A label that was moved is followed within this time.
  promptFreshMs: 1_000,
  // For so long an isolate uses the versions that it holds while the object of the prompts does not answer.
  promptStaleMs: 300_000,
  // Versions that an isolate keeps, ready to be filled in.
  promptsKnownMaxCount: 1_000,
  // A sixteenth of an isolate's memory.
  promptsKnownBytesMax: 8 * 1024 * 1024,
} as const;
