import { expect, it } from 'vitest';

import { LIMITS } from '../../../src/contract/limits.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { sentEvents } from '../../../workers/upstreams/sent-events.ts';

/** Pieces that come when the test says so, and a timer that it runs. */
function world() {
  const waiting: ((piece: Uint8Array | undefined) => void)[] = [];
  const timers = new Set<() => void>();
  let [cancelled, nowMs] = [0, 0];
  const pieces = {
    next: () => new Promise<Uint8Array | undefined>((resolve) => void waiting.push(resolve)),
    cancel: () => void (cancelled += 1),
  };
  const timer = {
    after: (_: number, run: () => void) => {
      timers.add(run);
      return () => void timers.delete(run);
    },
  };
  const reader = sentEvents(pieces, timer, { nowMs: () => nowMs }).getReader();
  return {
    reader,
    timers,
    waiting,
    come: (text: string | undefined) => waiting.shift()?.(text === undefined ? undefined : utf8(text)),
    silence: () => {
      nowMs += LIMITS.completionSilenceMs;
      for (const run of timers) {
        timers.delete(run);
        run();
      }
    },
    get cancelled() {
      return cancelled;
    },
  };
}

const textOf = async (read: Promise<{ value?: Uint8Array | undefined }>): Promise<string> => new TextDecoder().decode((await read).value);

it('[U44] sends a comment in each silence, and loses nothing of what comes after it', async () => {
  const { reader, come, silence, timers, waiting } = world();
  const asked = () => expect.poll(() => [waiting.length, timers.size]).toEqual([1, 1]);
  const first = reader.read();
  await asked();
  come('data: 1\n\n');
  expect(await textOf(first)).toBe('data: 1\n\n');
  for (let count = 0; count < 2; count += 1) {
    const read = reader.read();
    await asked();
    silence();
    expect(await textOf(read)).toBe(':\n\n');
  }
  expect(waiting, 'one piece is waited for, not three').toHaveLength(1);
  const second = reader.read();
  await asked();
  come('data: 2\n\n');
  expect(await textOf(second)).toBe('data: 2\n\n');
  const last = reader.read();
  await asked();
  come(undefined);
  expect((await last).done).toBe(true);
  expect(timers.size, 'no timer is left').toBe(0);
});

it('[U44] gives up the rest when the caller takes no more', async () => {
  const sent = world();
  await sent.reader.cancel();
  expect(sent.cancelled).toBe(1);
});
