import { describe, expect, it } from 'vitest';

import { COMPLETION_LIMITS } from '../../../src/contract/completions/completion-limits.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { sentEvents } from '../../../workers/gateway/routes/completions/sent-events.ts';
import type { Refusal } from '../../../src/contract/api/errors.ts';
import { Ending } from '../../support/fakes/ending.ts';

/** Pieces that come when the test says so, and a clock that it moves. */
function world(first?: string) {
  const waiting: PromiseWithResolvers<Uint8Array | undefined>[] = [];
  const timers = new Map<() => void, number>();
  let [cancelled, nowMs] = [0, 0];
  const pieces = {
    next: () => {
      const piece = Promise.withResolvers<Uint8Array | undefined>();
      waiting.push(piece);
      return piece.promise;
    },
    cancel: () => void (cancelled += 1),
  };
  const timer = {
    after: (delayMs: number, run: () => void) => {
      timers.set(run, nowMs + delayMs);
      return () => void timers.delete(run);
    },
  };
  const seen: string[] = [];
  const onPiece = (piece: Uint8Array): void => void seen.push(new TextDecoder().decode(piece));
  const parts = { timer, clock: { nowMs: () => nowMs }, first: first === undefined ? undefined : utf8(first), onPiece };
  const reader = sentEvents(pieces, parts).getReader();
  const asked = () => expect.poll(() => waiting.length).toBe(1);
  return {
    reader,
    seen,
    timers,
    waiting,
    asked,
    /** Once the piece is asked for. */
    come: async (text: string | undefined) => {
      await asked();
      waiting.shift()?.resolve(text === undefined ? undefined : utf8(text));
    },
    fail: async (reason: Error) => {
      await asked();
      waiting.shift()?.reject(reason);
    },
    pass: (ms: number) => {
      nowMs += ms;
      for (const [run, dueAtMs] of timers) {
        if (dueAtMs > nowMs) continue;
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
  const { reader, come, asked, pass, timers, waiting } = world();
  const first = reader.read();
  await come('data: 1\n\n');
  expect(await textOf(first)).toBe('data: 1\n\n');
  for (let count = 0; count < 2; count += 1) {
    const read = reader.read();
    await asked();
    pass(COMPLETION_LIMITS.completionSilenceMs);
    expect(await textOf(read)).toBe(':\n\n');
  }
  expect(waiting, 'one piece is waited for, not three').toHaveLength(1);
  const second = reader.read();
  pass(COMPLETION_LIMITS.completionBurstMs);
  await come('data: 2\n\n');
  expect(await textOf(second)).toBe('data: 2\n\n');
  const last = reader.read();
  await come(undefined);
  expect((await last).done).toBe(true);
  expect(timers.size, 'no timer is left').toBe(0);
});

it('[U44] gives up the rest when the caller takes no more', async () => {
  const sent = world();
  await sent.reader.cancel();
  expect(sent.cancelled).toBe(1);
});

it('[U46] sends the first event of a burst at once, and the others together when they have come', async () => {
  const { reader, come, asked, pass, timers } = world();
  const first = reader.read();
  await come('data: 1\n\n');
  expect(await textOf(first)).toBe('data: 1\n\n');
  const others = reader.read();
  await come('data: 2\n\n');
  await come('data: 3\n\n');
  await asked();
  pass(COMPLETION_LIMITS.completionBurstMs);
  expect(await textOf(others)).toBe('data: 2\n\ndata: 3\n\n');
  const alone = reader.read();
  pass(COMPLETION_LIMITS.completionBurstMs);
  await come('data: 4\n\n');
  expect(await textOf(alone), 'one that comes later goes at once').toBe('data: 4\n\n');
  const end = reader.read();
  await come('data: 5\n\n');
  await come(undefined);
  expect(await textOf(end), 'the end of the stream ends the burst').toBe('data: 5\n\n');
  expect((await reader.read()).done).toBe(true);
  expect(timers.size, 'no timer is left').toBe(0);
});

it('[U46] a clock that was set back delays no event', async () => {
  const { reader, come, pass } = world();
  const first = reader.read();
  await come('data: 1\n\n');
  await first;
  pass(-60_000);
  const second = reader.read();
  await come('data: 2\n\n');
  const late = new Promise((resolve) => void setImmediate(resolve, 'late'));
  expect(await Promise.race([textOf(second), late])).toBe('data: 2\n\n');
});

it('[U46] holds of a burst no more than its limit, and reads on only while the caller waits', async () => {
  const { reader, come, waiting } = world();
  const first = reader.read();
  await come('data: 1\n\n');
  await first;
  const burst = reader.read();
  const large = 'x'.repeat(COMPLETION_LIMITS.completionBurstBytesMax - 1);
  await come(large);
  await come('y');
  expect((await textOf(burst)).length).toBe(COMPLETION_LIMITS.completionBurstBytesMax);
  await new Promise((resolve) => setImmediate(resolve));
  expect(waiting, 'nothing is read that no caller waits for').toHaveLength(0);
});

it('[U46] passes a defect of its pieces on to the caller, without a timer left', async () => {
  const { reader, fail, timers } = world();
  const read = reader.read();
  await fail(new Error('broken'));
  await expect(read).rejects.toThrow('broken');
  expect(timers.size).toBe(0);
});

it('[U46] sends what goes before the answer at once, and shows each piece of the answer alone', async () => {
  const { reader, come, pass, seen } = world(': explained\n\n');
  expect(await textOf(reader.read())).toBe(': explained\n\n');
  const rest = reader.read();
  await come('data: 1\n\n');
  await come('data: 2\n\n');
  await come(undefined);
  pass(COMPLETION_LIMITS.completionBurstMs);
  expect(await textOf(rest)).toBe('data: 1\n\ndata: 2\n\n');
  expect(seen).toEqual(['data: 1\n\n', 'data: 2\n\n']);
});

it('[U46] passes a defect on after what came before it, also where the caller did not wait then', async () => {
  const { reader, come, fail, asked, pass, waiting } = world();
  const first = reader.read();
  await come('data: 1\n\n');
  await first;
  const burst = reader.read();
  await come('data: 2\n\n');
  await asked();
  pass(COMPLETION_LIMITS.completionBurstMs);
  expect(await textOf(burst)).toBe('data: 2\n\n');
  await fail(new Error('broken'));
  await new Promise((resolve) => setImmediate(resolve));
  await expect(reader.read()).rejects.toThrow('broken');
  expect(waiting, 'nothing is asked for after a defect').toEqual([]);

  const held = world();
  const begun = held.reader.read();
  await held.come('data: 1\n\n');
  await begun;
  const last = held.reader.read();
  await held.come('data: 2\n\n');
  await held.fail(new Error('broken'));
  expect(await textOf(last)).toBe('data: 2\n\n');
  await expect(held.reader.read()).rejects.toThrow('broken');
  expect(held.timers.size, 'no timer is left').toBe(0);
});

it('[U46] goes on past a piece that is empty, as the end of a stream may be', async () => {
  const { reader, come } = world();
  const first = reader.read();
  await come('');
  await come('data: 1\n\n');
  expect(await textOf(first)).toBe('data: 1\n\n');
  const end = reader.read();
  await come('');
  await come(undefined);
  expect((await end).done).toBe(true);
});

describe('[T121] a right that ends', () => {
  const whyEnded = ({ code }: Refusal): Uint8Array => utf8(`data: ${code}\n\n`);

  function sending() {
    const end = new Ending();
    const state = { cancelled: 0, seen: '', come: undefined as ((piece: Uint8Array) => void) | undefined };
    const pieces = {
      next: () => new Promise<Uint8Array | undefined>((resolve) => void (state.come = resolve)),
      cancel: () => void (state.cancelled += 1),
    };
    const onPiece = (piece: Uint8Array): void => void (state.seen += new TextDecoder().decode(piece));
    const timer = { after: () => () => undefined };
    const open = () =>
      sentEvents(pieces, { timer, clock: { nowMs: () => 0 }, first: undefined, onPiece, right: { end, whyEnded } }).getReader();
    return { end, state, open };
  }

  it('is said at once, whatever is waited for, and nothing that comes later is sent', async () => {
    const { end, state, open } = sending();
    const reader = open();
    const read = reader.read();
    await expect.poll(() => end.heard).toBe(1);
    end.revoke();
    state.come?.(utf8('data: late\n\n'));
    expect(await textOf(read)).toBe('data: invalid_api_key\n\n');
    expect((await reader.read()).done).toBe(true);
    expect(state).toMatchObject({ cancelled: 1, seen: 'data: invalid_api_key\n\n' });
    expect(end.heard).toBe(0);
  });

  it('is said to a caller that reads later, or not at all before', async () => {
    for (const isBefore of [true, false]) {
      const { end, state, open } = sending();
      if (isBefore) end.revoke();
      const reader = open();
      if (!isBefore) end.revoke();
      expect(state.cancelled).toBe(1);
      expect(await textOf(reader.read())).toBe('data: invalid_api_key\n\n');
      expect((await reader.read()).done).toBe(true);
    }
  });
});
