/** Limits of batches whose requests go to upstreams. */
export const CALL_BATCH_LIMITS = {
  // As OpenAI's API bounds them.
  callBatchLinesMaxCount: 50_000,
  callBatchBytesMax: 200 * 1024 * 1024,
  // A row of SQLite holds 2 MB, and a character takes up to three bytes there. Larger requests are made one by one.
  callBatchLineBytesMax: 640 * 1024,
  // Of one answer that is written into a file: as above. A larger one is an error of its line.
  callBatchAnswerCharsMax: 640 * 1024,
  // Calls of a tenant's batches that are under way at once: upstreams bound them too, and calls that someone waits for come first.
  callBatchParallelMax: 8,
  // A call that was interrupted, as its isolate ended, is made once more.
  callBatchBegunMaxCount: 2,
  // A call that is refused for now is made again so often, each time after twice the pause.
  callBatchTriesMaxCount: 6,
  callBatchPauseMs: 1_000,
  // One alarm works so long and is followed by the next: the platform ends alarms after 15 minutes.
  callBatchSliceMs: 20_000,
  // An alarm that was interrupted is followed by another after this time.
  callBatchRetryMs: 30_000,
  // Of a tenant, that have not ended.
  callBatchesMaxCount: 50,
  // A batch that has ended is listed for this time, as OpenAI keeps their files.
  callBatchKeptMs: 30 * 86_400_000,
} as const;
