/** Limits of the Worker that judges texts by guardrails. */
export const GUARDRAIL_LIMITS = {
  // A schema of what a model answers: those that model servers take are no longer.
  guardrailSchemaBytesMax: 16 * 1024,
  // Of a verdict, which is one word.
  guardrailVerdictBytesMax: 4 * 1024,
  // Of an answer that is judged whole while it streams: it is held until its end.
  guardrailHeldBytesMax: 4 * 1024 * 1024,
  // Versions whose hooks an isolate keeps compiled, some 100 kB each.
  guardrailsCompiledMaxCount: 64,
  // Hooks of a version: each reads every text of a request.
  guardrailHooksMaxCount: 16,
  // Of one hook; more are better written as alternatives of one expression.
  guardrailPatternsMaxCount: 64,
  // A compiled expression is some hundred times as long as its text.
  guardrailPatternCharsMax: 512,
  // Of one expression: `{1,1000}` writes out what it repeats a thousand times. Each character of a text may take twice as many steps.
  guardrailPatternInstructionsMax: 4_096,
  // Of all expressions of a version: some 15 ms until they are compiled, and 300 kB.
  guardrailInstructionsMax: 16_384,
  // What the hooks of a version may do for one call, in units of some 10 ns: an instruction for a character, a keyword for a value. 100,000 tokens under
  // a dozen of usual expressions take a third of it.
  guardrailUnitsMax: 200_000_000,
  // Between two turns of others: some millisecond, as a call of theirs has a dozen.
  guardrailStepUnitsMax: 100_000,
  // Texts of an answer that are open at once while it streams: 128 choices with what they say, think and call tools with.
  guardrailOpenTextsMaxCount: 1_024,
  // A webhook delays each request by up to this: callers wait no longer for a verdict.
  guardrailWebhookMsMax: 10_000,
  // Judging a text takes a server less; a caller waits for the model for as long.
  guardrailWebhookDefaultMs: 2_000,
  // Labels of one classifier that have thresholds: those of known ones have fewer.
  guardrailThresholdsMaxCount: 64,
  // Pieces of texts that a classifier judges for one hook: 64 KiB for a model of 512 tokens.
  guardrailPiecesMaxCount: 64,
} as const;
