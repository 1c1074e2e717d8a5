/** Limits of prompts: named templates with versions. */
export const PROMPT_LIMITS = {
  // Bytes of one version as JSON: some 16,000 words, below the 2 MB of a row.
  promptVersionBytesMax: 128 * 1024,
  // Messages of one version: enough for a conversation of examples.
  promptMessagesMaxCount: 64,
  // Variables of one version: more cannot be kept apart by those who fill them in.
  promptVariablesMaxCount: 64,
  // Values that one variable may choose from, such as the languages of a product.
  promptValuesMaxCount: 64,
  // Characters of a variable's value, unless its declaration sets another limit: some pages.
  promptValueDefaultChars: 8_192,
  // The highest limit that a declaration may set: a document.
  promptValueCharsMax: 262_144,
  // Characters of all messages once filled in, as one value may be named often: an eighth of the body of a call.
  promptRenderedCharsMax: 1_048_576,
  // Names for versions, such as `production` and `staging`.
  promptLabelsMaxCount: 16,
  // Characters of comments and descriptions, which are shown in lists.
  promptTextCharsMax: 256,
  // How old the copy of a label in an isolate may be: after a label was moved, calls follow within this time.
  promptFreshMs: 1_000,
  // How long an isolate goes on with its copy while the object that stores the prompts does not answer.
  promptStaleMs: 300_000,
  // Versions that an isolate keeps, ready to be filled in.
  promptsKnownMaxCount: 1_000,
  // Bytes of these versions: a sixteenth of an isolate's memory.
  promptsKnownBytesMax: 8 * 1024 * 1024,
} as const;
