import { UPSTREAM_LIMITS } from '../../../../src/contract/upstreams/upstream-limits.ts';
import type { ProbeAnswer } from '../../../../src/upstreams/upstream-check.ts';

/** One GET of an upstream, within `upstreamCheckTimeoutMs` and `upstreamCheckBytesMax`. A redirect is an answer: the secret goes nowhere else. */
export async function httpProbe(url: string, headers: Readonly<Record<string, string>>): Promise<ProbeAnswer> {
  const signal = AbortSignal.timeout(UPSTREAM_LIMITS.upstreamCheckTimeoutMs);
  try {
    const answer = await fetch(url, { headers: { accept: 'application/json', ...headers }, redirect: 'manual', signal });
    const text = await boundedText(answer);
    return text === undefined ? { kind: 'none', why: 'too_large' } : { kind: 'answer', status: answer.status, text };
  } catch {
    return { kind: 'none', why: signal.aborted ? 'timeout' : 'unreachable' };
  }
}

/** Undefined: the body is too large. */
async function boundedText({ body }: Response): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > UPSTREAM_LIMITS.upstreamCheckBytesMax) return undefined;
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
