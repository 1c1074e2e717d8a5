/** Limits of the Worker that judges texts by guardrails. See `LIMITS`. */
export const GUARDRAIL_LIMITS = {
  // A schema of what a model answers: those that model servers take are no longer.
  guardrailSchemaBytesMax: 16 * 1024,
  // Of a verdict, which is one word.
  guardrailVerdictBytesMax: 4 * 1024,
  // Of an answer that is judged whole while it streams: it is held until its end.
  guardrailHeldBytesMax: 4 * 1024 * 1024,
  // Versions whose hooks an isolate keeps compiled, some 100 kB each.
  guardrailsCompiledMaxCount: 64,
} as const;
