/** Limits of the log of requests to upstreams. */
export const REQUEST_LOG_LIMITS = {
  // Some ten pages of text: enough to see what went wrong, little enough that thousands fit.
  requestLogBodyBytesMax: 64 * 1024,
  // A body is parsed to take secrets out of it; of longer ones, which are mostly images, only the size is kept.
  requestLogBodyParsedBytesMax: 1024 * 1024,
  // Requests one page looks at: some 20 ms of the object's thread.
  requestLogScanMaxCount: 20_000,
  // Requests one step of a deletion takes away, with bodies and feedback: some 10 ms.
  requestLogRemovedMaxCount: 500,
  // As most teams look back no further than a month.
  requestLogRetentionDefaultDays: 30,
  // An audit of a year; for longer, export.
  requestLogRetentionDaysMax: 366,
  // A tenth of what one object can store.
  requestLogBytesMax: 1024 * 1024 * 1024,
  // What an isolate holds while logs cannot be reached: an eighth of its memory.
  requestLogPendingBytesMax: 16 * 1024 * 1024,
  // With full bodies of 128 KiB each, below the 32 MiB that one message carries.
  requestLogBatchMaxCount: 200,
  // Tenants whose policy an isolate remembers, some 200 bytes each.
  requestLogPoliciesMaxCount: 10_000,
  // How long a request may wait in an isolate before its log has it.
  requestLogFlushMs: 1_000,
  // Entries of feedback on one request: from people and evaluations.
  requestFeedbackMaxCount: 32,
  // A paragraph.
  requestFeedbackCommentCharsMax: 2_000,
  // Names of fields that are taken out of bodies.
  requestLogRedactedMaxCount: 64,
  // As OpenAI's `metadata`: 16 pairs, names of 64 and values of 512 characters.
  requestMetadataMaxCount: 16,
  // See above.
  requestMetadataValueCharsMax: 512,
  // Groups of one answer of statistics.
  requestStatsGroupsMaxCount: 100,
} as const;
