import { LIMITS } from '../../src/contract/limits.ts';

/**
 * Reads and drops what is left of a refused request's body, within a limit: a client that is still sending when the
 * connection closes sees a broken pipe instead of the refusal.
 */
export async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  try {
    for (let bytes = 0; bytes < LIMITS.drainBytesMax;) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // The client has gone, and with it whoever could have read the refusal.
  }
}
