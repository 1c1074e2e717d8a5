import { expect, it } from 'vitest';

import { ReadQueue } from '../../../src/ann/read-queue.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import { ObjectThread } from '../../support/worlds/object-thread.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';

const BEGUN_MS = new VirtualTime().nowMs();

/** An object whose reads take `readMs`; results are the times at which reads ended, since the start. */
function object(readMs = 4) {
  const time = new VirtualTime();
  const thread = new ObjectThread(time);
  const turns = new ReadQueue({ clock: time, turn: () => thread.turn() });
  const startMs = time.nowMs();
  const done: string[] = [];
  const doing = async (name: string, ms: number): Promise<Outcome<number>> => {
    done.push(name);
    await thread.use(ms);
    return ok(time.nowMs() - startMs);
  };
  const read = (name: string, budgetMs?: number) => thread.deliver(() => turns.read({ budgetMs }, () => doing(name, readMs)));
  const other = (name: string) => thread.deliver(() => doing(name, 1));
  /** Reads until the queue knows how long reads take. */
  const learn = async (): Promise<void> => {
    for (let n = 0; n < 40; n += 1) await read('learning');
    done.length = 0;
  };
  return { time, thread, turns, done, read, other, learn };
}

const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : outcome.error.code);

it('[F40] serves other calls before waiting reads, and a read of an idle object at once', async () => {
  const { time, done, read, other, learn } = object();
  await time.run(learn());
  const answers = await time.run(Promise.all([read('a'), read('b'), read('c'), other('page'), other('write')]));
  expect(done).toEqual(['a', 'page', 'write', 'b', 'c']);
  expect(answers.map((answer) => answer.ok && answer.value - 160)).toEqual([4, 10, 14, 5, 6]);
  await time.run(time.sleep(1));
  // Even with no budget left: no other read is waiting.
  expect(codeOf(await time.run(read('d', 0)))).toBe('ok');
});

it('[F40] runs small reads several at a time, for at most readTurnMs', async () => {
  const { time, done, read, other, learn } = object(0.5);
  await time.run(learn());
  const reads = Array.from({ length: 12 }, (_, n) => read(`${n}`));
  const pages = (async () => {
    for (let n = 0; n < 12; n += 1) await other('page');
  })();
  await time.run(Promise.all([...reads, pages]));
  const together = done
    .join(' ')
    .split('page')
    .map((part) => part.trim().split(' ').filter(Boolean).length);
  expect(Math.max(...together)).toBeGreaterThan(4);
  expect(Math.max(...together) * 0.5).toBeLessThanOrEqual(INDEX_LIMITS.readTurnMs);
});

it('[F40] waits for the end of a turn once in several small reads, which never wait', async () => {
  const time = new VirtualTime();
  let [turns, served] = [0, 0];
  const queue = new ReadQueue({
    clock: time,
    turn: async () => {
      turns += 1;
      await time.sleep(0.1);
    },
  });
  const readOne = () => time.run(queue.read({}, () => ok((served += 1))));
  for (let n = 0; n < 40; n += 1) {
    await readOne();
    await time.run(time.sleep(1));
  }
  turns = 0;
  for (let n = 0; n < 80; n += 1) {
    expect(await readOne()).toEqual(ok(41 + n));
    await time.run(time.sleep(1));
  }
  expect(turns).toBe(10);
});

it('[F41] what others do meanwhile does not count as the time of reads whose cost is known', async () => {
  const time = new VirtualTime();
  const thread = new ObjectThread(time);
  const together = async (estimateMs?: () => number) => {
    const queue = new ReadQueue({ clock: time, turn: () => thread.turn() });
    const order: string[] = [];
    const doing = async (name: string, ms: number): Promise<Outcome<null>> => {
      order.push(name);
      await thread.use(ms);
      return ok(null);
    };
    const read = () => thread.deliver(() => queue.read({ estimateMs }, () => doing('read', 0.1)));
    const other = () => thread.deliver(() => doing('other', 20));
    for (let n = 0; n < 60; n += 1) await time.run(Promise.all([read(), other()]));
    // A turn ends.
    await time.run(time.sleep(100));
    order.length = 0;
    await time.run(Promise.all([...Array.from({ length: 4 }, read), other(), ...Array.from({ length: 4 }, read)]));
    return order.indexOf('other');
  };
  expect(await together(() => 0.2)).toBeGreaterThan(2);
  expect(await together()).toBe(1);
});

it('[F41] serves the earliest deadline first, and refuses late reads at once', async () => {
  const { time, done, read, learn } = object();
  await time.run(learn());
  const startMs = time.nowMs();
  const budgets = { first: 100, patient: 100, hasty: 20, hopeless: 3, next: 60 };
  let hopelessMs = Infinity;
  const outcomes = await time.run(
    Promise.all(
      Object.entries(budgets).map(async ([name, budgetMs]) => {
        const outcome = await read(name, budgetMs);
        if (name === 'hopeless') hopelessMs = time.nowMs() - startMs;
        return outcome;
      }),
    ),
  );
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'ok', 'overloaded', 'ok']);
  expect(done).toEqual(['first', 'hasty', 'next', 'patient']);
  // As soon as the running read has ended.
  expect(hopelessMs).toBe(4);
});

it('[F41] lets no read wait longer than readWaitMaxMs, and says when to retry', async () => {
  const { time, done, read, learn } = object();
  for (let n = 0; n < 3; n += 1) await time.run(learn());
  const startMs = time.nowMs();
  const outcomes = await time.run(Promise.all(Array.from({ length: 2_000 }, (_, n) => read(`${n}`, API_LIMITS.queryDeadlineMaxMs))));
  const refused = outcomes.flatMap((outcome) => (outcome.ok ? [] : outcome.error));
  expect(done.length).toBeGreaterThan(0.9 * (VECTOR_LIMITS.readWaitMaxMs / 4));
  expect(refused.length).toBe(2_000 - done.length);
  for (const outcome of outcomes)
    if (outcome.ok) expect(outcome.value - (startMs - BEGUN_MS)).toBeLessThanOrEqual(VECTOR_LIMITS.readWaitMaxMs + 8);
  for (const { retryAfterMs = 0 } of refused) expect(Math.abs(retryAfterMs - VECTOR_LIMITS.readWaitMaxMs)).toBeLessThan(40);
});

it('[F41] answers reads that waited through a stall if their callers still wait', async () => {
  const { time, thread, read, learn } = object();
  await time.run(learn());
  const stall = () => thread.deliver(() => thread.use(3_000).then(() => ok(0)));
  const outcomes = await time.run(Promise.all([read('first'), read('patient'), read('hasty', 1_000), read('patient'), stall()]));
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'overloaded', 'ok', 'ok']);
});

it('[F41] forgets a stall soon, and notices when reads become slower', async () => {
  const time = new VirtualTime();
  const thread = new ObjectThread(time);
  const turns = new ReadQueue({ clock: time, turn: () => thread.turn() });
  const read = (ms: number, budgetMs?: number) =>
    thread.deliver(() =>
      turns.read({ budgetMs }, async () => {
        await thread.use(ms);
        return ok(null);
      }),
    );
  const answered = async (ms: number, budgetMs: number) =>
    (await time.run(Promise.all(Array.from({ length: 20 }, () => read(ms, budgetMs))))).filter((outcome) => outcome.ok).length;
  await answered(1, 1_000);
  await time.run(read(2_000));
  await answered(1, 1_000);
  expect(await answered(1, 24)).toBe(20);
  await answered(10, 1_000);
  const count = await answered(10, 100);
  expect(count).toBeGreaterThan(7);
  expect(count).toBeLessThan(12);
});

it('[F40] a read that throws delays no other', async () => {
  const { time, thread, turns } = object();
  const read = (name: string) => thread.deliver(() => turns.read({}, () => (name === 'bad' ? bad() : ok(name))));
  const bad = (): never => {
    throw new Error('a defect');
  };
  await expect(time.run(read('bad'))).rejects.toThrow('a defect');
  const outcomes = await time.run(Promise.allSettled([read('a'), read('bad'), read('b')]));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it.each([
  { kind: 'whose cost is known', estimateMs: () => 1, calmReads: 0 },
  { kind: 'whose cost is not known, soon after', estimateMs: undefined, calmReads: 30 },
])('[OL1] learns how long reads take from them alone, whatever is refused: reads $kind', async ({ estimateMs, calmReads }) => {
  const time = new VirtualTime();
  const thread = new ObjectThread(time);
  const turns = new ReadQueue({ clock: time, turn: () => thread.turn() });
  const read = (budgetMs: number) =>
    thread.deliver(() =>
      turns.read({ budgetMs, estimateMs }, async () => {
        await thread.use(1);
        return ok(null);
      }),
    );
  for (let n = 0; n < 40; n += 1) await time.run(read(1_000));
  let refused = 0;
  // Callers that come again at once, and whose refusals take ten times as long as a read.
  const rude = async (): Promise<void> => {
    for (let tries = 0; tries < 20; tries += 1) {
      const outcome = await read(3);
      if (outcome.ok) continue;
      refused += 1;
      await thread.deliver(() => thread.use(10));
    }
  };
  await time.run(Promise.all(Array.from({ length: 20 }, rude)));
  expect(refused).toBeGreaterThan(100);
  await time.run(time.sleep(1_000));
  for (let n = 0; n < calmReads; n += 1) await time.run(read(1_000));
  const patient = await time.run(Promise.all(Array.from({ length: 40 }, () => read(60))));
  expect(patient.filter((outcome) => outcome.ok).length).toBe(40);
});

it('[OL2] serves the only read that waits, however long reads seem to take', async () => {
  const { time, read } = object(20_000);
  for (let n = 0; n < 40; n += 1) await time.run(read('slow'));
  const outcomes = await time.run(Promise.all([read('first'), read('second'), read('third')]));
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'overloaded']);
});
