import { GUARDRAIL_LIMITS } from '../../src/contract/guardrails/guardrail-limits.ts';
import type { Hook } from '../../src/contract/guardrails/guardrails.ts';
import type { Finding } from '../../src/upstreams/guardrails/guard.ts';
import type { HookRecord } from '../../src/upstreams/guardrails/guardrail-policy.ts';

/** One POST of the texts, without redirects, within the hook's time, unless it is stopped. What is no verdict is none. [U117] */
export async function askWebhook(
  { url, timeout_ms: timeoutMs }: Extract<Hook, { kind: 'webhook' }>,
  side: HookRecord['side'],
  texts: readonly string[],
  stopped: AbortSignal,
): Promise<Finding | undefined> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ side, texts }),
      // Another host is none that operators have allowed.
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), stopped]),
    });
    if (answer.ok) return await verdictIn(answer);
    await answer.body?.cancel();
    return undefined;
  } catch {
    return undefined;
  }
}

async function verdictIn({ body }: Response): Promise<Finding | undefined> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > GUARDRAIL_LIMITS.guardrailVerdictBytesMax) return undefined;
    text += decoder.decode(piece, { stream: true });
  }
  const { verdict } = Object(JSON.parse(text)) as { readonly verdict?: unknown };
  return verdict === 'pass' || verdict === 'block' ? { count: verdict === 'block' ? 1 : 0 } : undefined;
}
