/** Limits of calls that go to upstreams, and of what those answer. */
export const COMPLETION_LIMITS = {
  // Priorities only order calls: a hundred levels on each side of the usual one are more than anyone tells apart.
  completionPriorityMax: 100,
  // Several images in base64. While it is sent on, an isolate of 128 MB holds it as bytes, as values and as the text for the upstream.
  completionBodyBytesMax: 8 * 1024 * 1024,
  // JSON schemas of tools nest some ten deep, and recursive walks over much more overflow the stack.
  completionDepthMax: 128,
  // Of one batch of messages, which comes in one body: with `completionBodyBytesMax`, some 800 bytes each.
  messageBatchRequestsMaxCount: 10_000,
  // Batches are kept for a month, as their clients expect.
  messageBatchLifeMs: 30 * 86_400_000,
  // Of an answer that is no stream: 2,048 vectors of 1,536 numbers in base64. It is held whole, as its end says what it costs.
  upstreamAnswerBytesMax: 16 * 1024 * 1024,
  // Of an answer with images in base64: ten of 2.4 MB each.
  mediaAnswerBytesMax: 32 * 1024 * 1024,
  // Of a form with sound or images: what OpenAI takes of a sound. It is held once as it came and once as it is sent on.
  mediaFormBytesMax: 25 * 1024 * 1024,
  // Of one event of a stream, which is held until it has ended: an image in base64.
  upstreamEventBytesMax: 4 * 1024 * 1024,
  // In so long a silence a stream sends a comment: proxies close connections that rest for some 10 to 60 s.
  completionSilenceMs: 5_000,
  // Events that come so soon after others are sent with those that follow: most models make a token in 5 ms and more, so that only bursts are gathered.
  // Under load the events of a burst are read in so long, between those of other streams.
  completionBurstMs: 4,
  // Of a burst, until it is sent: far more than its events have in that time, and little beside what an isolate holds of each stream.
  completionBurstBytesMax: 64 * 1024,
  // Of one stream that is passed through: the platform pumps it by 64 kB, its tee holds a piece of 16 kB, the copy is read before it is more, and of its text
  // 32 kB are kept for counting.
  passedStreamBytes: 128 * 1024,
  // Of all of them in an isolate, a quarter of its memory: streams beyond are relayed, piece by piece as their callers read.
  passedStreamsBytesMax: 32 * 1024 * 1024,
  // The copy of a stream that is passed through is read so often, for its end and its silences. Ten times a second costs nothing beside a token.
  passedCopyPauseMs: 100,
  // Of the copy, in one reading: where it has so much, more is read at once. The answers of most calls are smaller.
  passedCopyReadBytes: 16 * 1024,
  // Of the body of an error, which has a message and no more.
  upstreamErrorBytesMax: 64 * 1024,
  // Answers that an isolate gives again: an eighth of its memory.
  completionCacheBytesMax: 16 * 1024 * 1024,
  // A thirty-second of that: one answer must not push out all others.
  completionCacheEntryBytesMax: 512 * 1024,
  // Small answers fill the bytes only by the ten thousand.
  completionCacheEntriesMax: 10_000,
  // Answers of models do not change with their sources, as search results do: a day spares most repetitions.
  completionCacheTtlMaxMs: 86_400_000,
  // Questions that an isolate compares new ones with, and their vectors: half of what the answers take; some 4,000 of 384 numbers.
  reuseQuestionsBytesMax: 8 * 1024 * 1024,
  // Of one context: all of them are compared with each new question, which takes a millisecond for vectors of 1,536 numbers.
  reuseQuestionsMaxCount: 1_000,
  // Of the vector of a question, as many as a vector of an index.
  reuseDimensionsMaxCount: 8_192,
  // Longer questions have too much in them to ask the same as another; a verifier reads two.
  reuseQuestionCharsMax: 2_048,
  // Of an answer that is reused for another question: a verifier reads it whole, some 4,000 tokens.
  reuseAnswerCharsMax: 16 * 1024,
  // Of the nearest questions: one that is guarded against, or whose answer is gone, makes room for the next.
  reuseNearestMaxCount: 8,
  // Answers that a verifier has accepted for another question: each saves a vector and a verdict when that is asked again.
  reuseAcceptedMaxCount: 2_000,
  // Of them, most of it the texts of questions: an eighth of what the questions take.
  reuseAcceptedBytesMax: 1024 * 1024,
  // Checks of reused answers are reported to the other isolates so soon.
  reuseReportMs: 500,
  // Tenants whose evidence an isolate remembers, some kilobytes each.
  reuseTenantsMaxCount: 200,
  // Versions of routes whose evidence is kept for one tenant, 200 bytes each; the one that was measured the longest time ago goes first.
  reuseEvidenceMaxCount: 200,
} as const;
