import { describe, expect, it } from 'vitest';

import { WaitLimit } from '../../../src/kernel/wait-limit.ts';

/** A clock and a timer that the test moves on. */
function world() {
  const timers: { readonly atMs: number; readonly run: () => void }[] = [];
  let [nowMs, set] = [0, 0];
  const late: string[] = [];
  const timer = {
    after(delayMs: number, run: () => void) {
      const one = { atMs: nowMs + delayMs, run };
      timers.push(one);
      set += 1;
      return () => void (timers.includes(one) && timers.splice(timers.indexOf(one), 1));
    },
  };
  const limit = new WaitLimit(timer, { nowMs: () => nowMs });
  return {
    limit,
    late,
    timers,
    begin: (limitMs: number, name: string) => limit.begin(limitMs, () => void late.push(`${name} at ${nowMs}`)),
    pass: (ms: number) => {
      const untilMs = nowMs + ms;
      for (;;) {
        const next = timers.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        timers.splice(timers.indexOf(next), 1);
        nowMs = next.atMs;
        next.run();
      }
      nowMs = untilMs;
    },
    timersSet: () => set,
  };
}

describe('[U41] a limit of waits', () => {
  it('[U41] is late exactly when the wait is, however many came before it', () => {
    const { begin, limit, pass, late, timersSet } = world();
    for (let wait = 0; wait < 100; wait += 1) {
      begin(1_000, `wait ${wait}`);
      pass(5);
      limit.over();
    }
    expect(timersSet(), 'one timer for all of them').toBe(1);
    begin(1_000, 'the last');
    pass(999);
    expect(late).toEqual([]);
    pass(1);
    expect(late).toEqual(['the last at 1500']);
    pass(10_000);
    expect(late).toHaveLength(1);
  });

  it('[U41] holds a shorter wait that follows a longer one, and the longer one that follows', () => {
    const { begin, limit, pass, late } = world();
    begin(1_000, 'long');
    pass(10);
    limit.over();
    begin(50, 'short');
    pass(49);
    expect(late).toEqual([]);
    pass(1);
    expect(late).toEqual(['short at 60']);
    begin(1_000, 'again');
    pass(1_000);
    expect(late).toEqual(['short at 60', 'again at 1060']);
  });

  it('[U41] holds the limit of all waits within one, between two, and after one that was late', () => {
    const within = world();
    within.limit.limitAll(1_000, () => void within.late.push('all'));
    within.begin(400, 'first');
    within.pass(100);
    within.limit.over();
    within.begin(2_000, 'second');
    within.pass(899);
    expect(within.late).toEqual([]);
    within.pass(1);
    expect(within.late).toEqual(['all']);
    expect(within.timers, 'nothing is left to wait for').toEqual([]);

    const between = world();
    between.limit.limitAll(1_000, () => void between.late.push('all'));
    between.begin(400, 'first');
    between.limit.over();
    between.pass(999);
    expect(between.late).toEqual([]);
    between.pass(1);
    expect(between.late).toEqual(['all']);
    expect(between.timersSet(), 'the first wait, and the rest').toBe(2);

    const after = world();
    after.limit.limitAll(1_000, () => void after.late.push('all'));
    after.begin(400, 'first');
    after.pass(1_000);
    expect(after.late).toEqual(['first at 400', 'all']);
  });

  it('[U41] leaves no timer when it is released, and says nothing of waits that are over', () => {
    const { begin, limit, pass, late, timers } = world();
    begin(100, 'over');
    limit.over();
    pass(1_000);
    begin(100, 'released');
    limit.limitAll(500, () => void late.push('all'));
    limit.release();
    expect(timers).toEqual([]);
    begin(600, 'after the release');
    limit.over();
    pass(1_000);
    expect(late).toEqual([]);
  });
});
