/** Limits of the answers that a tenant has stored. */
export const STORED_ANSWER_LIMITS = {
  // As OpenAI keeps them.
  storedAnswerDaysMax: 30,
  // Of a tenant: some 100,000 turns of 10 kB. The oldest go first.
  storedAnswersBytesMax: 1024 * 1024 * 1024,
  // Of one answer with what was asked, in characters: with its escapes, below the 32 MiB that one message to an object carries.
  storedAnswerCharsMax: 8 * 1024 * 1024,
  // Turns that a call goes on with: far more than a context takes. Each is read by its key.
  storedTurnsMaxCount: 1_000,
  // Answers on one page, which has them whole.
  storedPageMaxCount: 100,
  // Items of a conversation on one page, as OpenAI bounds it.
  storedItemsPageMaxCount: 100,
} as const;
