import { env, exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import { idsOf } from '../../support/fakes/tenancy.ts';
import type { Kind } from './kinds.ts';
import type { SharingEnv } from './worker.ts';

const service = (exports as unknown as { default: Fetcher }).default;
const source = (env as unknown as SharingEnv).SOURCE.getByName('source');

/** Concurrent requests for each key; bodies are sent slowly, and some callers disconnect. */
const TOGETHER = 50;
const KEYS_AT_ONCE = 10;
/** Ten thousand requests in the full run. */
const ROUNDS = (env as unknown as SharingEnv).SLUICE_TEST_FULL === '1' ? 20 : 1;
const CHUNK = new TextEncoder().encode('0123456789');
const CHUNKS = 3;

/** A body of three chunks, the last two of them delayed. */
function slowBody(): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      controller.enqueue(CHUNK);
      sent += 1;
      if (sent === CHUNKS) controller.close();
    },
  });
}

/** The status and text of an answer; undefined when the caller disconnected. */
async function ask(path: string, leavesAfterMs?: number, leave = new AbortController()): Promise<string | undefined> {
  if (leavesAfterMs !== undefined) setTimeout(() => leave.abort(), leavesAfterMs);
  try {
    const response = await service.fetch(`http://gateway/${path}`, { method: 'POST', body: slowBody(), signal: leave.signal });
    return `${response.status} ${await response.text()}`;
  } catch (thrown) {
    if (leave.signal.aborted) return undefined;
    return `rejected: ${String(thrown)}`;
  }
}

/** Requests every key many times at once; returns the number of each outcome. */
async function round(kind: Kind, from: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await Promise.all(
    Array.from({ length: KEYS_AT_ONCE * TOGETHER }, async (_, number) => {
      const key = from + (number % KEYS_AT_ONCE);
      const position = Math.floor(number / KEYS_AT_ONCE);
      // The first request leads: for every other key its caller disconnects; so does every tenth later caller.
      const leaves = position === 0 ? key % 2 === 0 : position % 10 === 0;
      const answer = await ask(`${kind}/${key}`, leaves ? 3 + (position % 7) : undefined);
      const what = answer === undefined ? 'left' : answer === `200 ${key} ${CHUNKS * CHUNK.length}` ? 'answered' : answer;
      counts[what] = (counts[what] ?? 0) + 1;
    }),
  );
  return counts;
}

describe('concurrent requests that share work', () => {
  it.each<Kind>(['answers', 'embeddings', 'keys', 'purges', 'routes', 'models', 'quotas'])(
    '[SW7] are all answered (%s), with streamed bodies, although some callers disconnect',
    async (kind) => {
      const total: Record<string, number> = {};
      for (let number = 0; number < ROUNDS; number += 1) {
        const counts = await round(kind, 1 + number * KEYS_AT_ONCE);
        for (const [what, count] of Object.entries(counts)) total[what] = (total[what] ?? 0) + count;
      }
      const { answered = 0, left = 0, ...others } = total;
      expect(others).toEqual({});
      expect(answered + left).toBe(ROUNDS * KEYS_AT_ONCE * TOGETHER);
      expect(left).toBeGreaterThan(0);
      // They shared work. How much depends on how long leaders take on this machine; unit tests count it by an injected clock.
      expect((await source.calls())[kind]).toBeLessThan(answered + left);
    },
    600_000,
  );

  it('[SW3] survive leaders that die with their requests: a waiter takes over', async () => {
    const led = async (): Promise<number> => (await source.calls())['mortal'] ?? 0;
    const before = await led();
    const leave = new AbortController();
    const leader = ask('mortal/a/60000', undefined, leave);
    await expect.poll(led).toBe(before + 1);
    const waiters = Array.from({ length: 30 }, () => ask('mortal/a/0'));
    leave.abort();
    expect(await leader).toBeUndefined();
    expect(new Set(await Promise.all(waiters))).toEqual(new Set([`200 a ${CHUNKS * CHUNK.length}`]));
    // On a busy machine the waiter that takes over may be taken for dead, too, and another one follows.
    expect((await led()) - before).toBeGreaterThanOrEqual(2);
    expect((await led()) - before).toBeLessThan(1 + waiters.length);
  });

  it('[SW7] are answered or refused when a quota is nearly spent, and never exceed it', async () => {
    const { keyId, allowed } = { keyId: 9_000, allowed: 120 };
    await source.limit(idsOf(keyId).id, allowed);
    const answers = await Promise.all(Array.from({ length: 600 }, () => ask(`quotas/${keyId}`)));
    const counts: Record<string, number> = {};
    for (const answer of answers) counts[answer?.split(' ')[1] ?? 'left'] = (counts[answer?.split(' ')[1] ?? 'left'] ?? 0) + 1;
    expect(counts).toEqual({ [keyId]: allowed, insufficient_quota: 600 - allowed });
  });
});
