import { LIMITS } from '../../src/contract/limits.ts';
import { within } from './adapters/within.ts';

/**
 * Reads and drops what is left of a refused request's body, within limits: a client that is still sending when the
 * connection closes sees a broken pipe instead of the refusal, and one that sends nothing more waits for the refusal.
 */
export async function drain(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed || request.body.locked) return;
  await drainReader(request.body.getReader());
}

/** As `drain`, for a body that was begun. */
export async function drainReader(reader: BodyReader): Promise<void> {
  try {
    await within(readAway(reader), LIMITS.drainMs);
  } catch {
    // Too slow; or the client has disconnected and cannot read the refusal.
  }
  await reader.cancel().catch(() => undefined);
}

export type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

async function readAway(reader: BodyReader): Promise<void> {
  for (let bytes = 0; bytes < LIMITS.drainBytesMax;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.byteLength;
  }
}
