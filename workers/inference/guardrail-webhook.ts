import { LIMITS } from '../../src/contract/limits.ts';
import type { Ask, Verdict } from '../../src/upstreams/guardrails/guard.ts';

/** One POST of the texts, without redirects, within the hook's time. What is no verdict is none. [U117] */
export const askWebhook: Ask = async ({ url, timeout_ms: timeoutMs }, side, texts) => {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ side, texts }),
      // Another host is none that operators have allowed.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.ok) return await verdictIn(answer);
    await answer.body?.cancel();
    return undefined;
  } catch {
    return undefined;
  }
};

async function verdictIn({ body }: Response): Promise<Verdict | undefined> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > LIMITS.guardrailVerdictBytesMax) return undefined;
    text += decoder.decode(piece, { stream: true });
  }
  const { verdict } = Object(JSON.parse(text)) as { readonly verdict?: unknown };
  return verdict === 'pass' || verdict === 'block' ? verdict : undefined;
}
