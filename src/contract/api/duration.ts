/** A duration as OpenAI's rate-limit headers write it (Go's `time.Duration`): `20ms`, `1s`, `6m0s`, `1h0m0s`. */
export function goDuration(ms: number): string {
  const wholeMs = Math.max(0, Math.ceil(ms));
  if (wholeMs < 1000) return `${wholeMs}ms`;
  const totalS = Math.ceil(wholeMs / 1000);
  const seconds = totalS % 60;
  const minutes = Math.floor(totalS / 60) % 60;
  const hours = Math.floor(totalS / 3600);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
