import type { BodyReader } from './drain.ts';

/** The chunks of a body, each read when it is asked for: a sender who is faster waits. */
export async function* bodyChunks(reader: BodyReader): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
