import { describe, expect, it } from 'vitest';

import { GroupCommit } from '../../../durable-objects/group-commit.ts';

/** An object whose turns are counted: each pause ends in a turn of its own. */
function object(gatherMs = 5) {
  const clock = { nowMs: 1_000 };
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  const commits = new GroupCommit(gatherMs, {
    nowMs: () => clock.nowMs,
    pause: (ms) => new Promise<void>((resolve) => pauses.push({ ms, end: resolve })),
  });
  const written: string[] = [];
  return {
    written,
    pauses,
    clock,
    call: (name: string) => commits.turn(() => (written.push(name), name)),
    /** The next pause ends: what is written until nothing is left to do but wait for others is one turn. */
    pass: async (): Promise<readonly string[]> => {
      const { ms, end } = pauses.shift()!;
      clock.nowMs += ms;
      const from = written.length;
      end();
      await settled();
      return written.slice(from);
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('[J222] [P107] calls of an object', () => {
  it('go on at once after a pause', async () => {
    const { call, pauses, clock, written } = object();
    expect(await call('a')).toBe('a');
    clock.nowMs += 5;
    expect(await call('b')).toBe('b');
    expect([pauses.length, written]).toEqual([0, ['a', 'b']]);
  });

  it('that follow closely write together, in their order, and no sooner than the time is over', async () => {
    const { call, pass, pauses, clock, written } = object();
    await call('a');
    clock.nowMs += 2;
    const answers = ['b', 'c', 'd'].map(call);
    await settled();
    expect(written).toEqual(['a']);
    expect(pauses.map(({ ms }) => ms)).toEqual([3]);
    expect(await pass()).toEqual(['b', 'c', 'd']);
    expect(await Promise.all(answers)).toEqual(['b', 'c', 'd']);
    // Those after them are the next.
    void call('e');
    await settled();
    expect(pauses.map(({ ms }) => ms)).toEqual([5]);
    expect(await pass()).toEqual(['e']);
  });

  it('fail alone', async () => {
    const commits = new GroupCommit(5, { nowMs: () => 0, pause: () => Promise.resolve() });
    await commits.turn(() => 0);
    const both = [commits.turn(() => Promise.reject(new Error('no disk'))), commits.turn(() => 1)];
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await commits.turn(() => 2)).toBe(2);
  });

  it('wait no longer than the time to gather when the clock is set back', async () => {
    const { call, pauses, clock } = object();
    await call('a');
    clock.nowMs -= 60_000;
    void call('b');
    await settled();
    expect(pauses.map(({ ms }) => ms)).toEqual([5]);
  });
});
