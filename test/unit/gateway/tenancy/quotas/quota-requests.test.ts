import { describe, expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../../../../src/contract/tenancy/tenancy-limits.ts';
import { QuotaRequests } from '../../../../../src/gateway/tenancy/quotas/quota-requests.ts';
import type { QuotaLedger } from '../../../../../src/gateway/tenancy/quota-ledger.ts';
import { TimedWakeUps } from '../../../../../src/kernel/wake-ups.ts';
import type { Decision, PathAsk } from '../../../../../src/tenancy/quota/decision.ts';
import { VirtualTime } from '../../../../support/worlds/virtual-time.ts';
import { idsOf } from '../../../../support/fakes/tenancy.ts';

const { organisationId } = idsOf(1);
const SLICE = { units: { requests: 3 }, startsMs: { second: 0, minute: 0, hour: 0, day: 0, month: 0 } };
const askOf = (requests: number): PathAsk => ({
  path: [organisationId],
  ask: { need: { requests }, draw: { requests }, want: { requests }, returned: [SLICE] },
});

interface Message {
  readonly sequence: number;
  readonly asks: readonly PathAsk[];
}

/** An isolate whose messages take 20 ms; `fate` says what happens to the n-th. */
function isolate(fate: (nth: number) => 'answered' | 'lost' | 'never' = () => 'answered') {
  const time = new VirtualTime();
  const messages: Message[] = [];
  const atOnce = { now: 0, most: 0 };
  const take = async (_: string, sequence: number, asks: readonly PathAsk[]): Promise<readonly Decision[]> => {
    messages.push({ sequence, asks });
    const nth = messages.length;
    atOnce.most = Math.max(atOnce.most, (atOnce.now += 1));
    await time.sleep(20);
    if (fate(nth) === 'never') await new Promise(() => {});
    atOnce.now -= 1;
    if (fate(nth) === 'lost') throw new Error('unreachable');
    return asks.map(({ ask }) => ({ kind: 'granted', slice: { ...SLICE, units: ask.need } }) as unknown as Decision);
  };
  const requests = new QuotaRequests({
    ledgers: () => ({ take }) as unknown as QuotaLedger,
    isolateId: 'isolate',
    clock: time,
    wakeUps: new TimedWakeUps(time, { firstMs: 5, lastMs: 50 }, () => {}),
  });
  const ask = async (units: number): Promise<number> => {
    const decision = await requests.ask(organisationId, askOf(units));
    return decision.kind === 'granted' ? decision.slice.units.requests! : -1;
  };
  const later = async (ms: number, units: number): Promise<number> => {
    await time.sleep(ms);
    return ask(units);
  };
  return { time, messages, atOnce, ask, later };
}

describe('a quota request of an isolate', () => {
  it('[SW1] goes in one message at a time: those made meanwhile go together in the next', async () => {
    const { time, messages, atOnce, ask, later } = isolate();
    const units = Array.from({ length: 40 }, (_, at) => at + 1);
    const first = ask(1);
    const rest = units.slice(1).map((unit, at) => later(1 + (at % 15), unit));
    expect(await time.run(Promise.all([first, ...rest]))).toEqual(units);
    expect(messages.map(({ asks }) => asks.length)).toEqual([1, 39]);
    expect(atOnce.most).toBe(1);
  });

  it('[SW1] is answered to its own caller, over any number of messages', async () => {
    const { time, messages, ask } = isolate();
    const units = Array.from({ length: 3 * TENANCY_LIMITS.quotaAsksMaxCount }, (_, at) => at + 1);
    expect(await time.run(Promise.all(units.map(ask)))).toEqual(units);
    expect(messages.map(({ asks }) => asks.length)).toEqual([100, 100, 100]);
    expect(messages.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  });

  it('[SW4] that could not be delivered fails for the callers in that message, and not for later ones', async () => {
    const { time, ask, later } = isolate((nth) => (nth === 1 ? 'lost' : 'answered'));
    const settled = await time.run(Promise.allSettled([ask(1), ask(2), later(3, 3), later(4, 4)]));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('[SW3] [T22] is sent again by a waiter if its leader died; returned slices are sent once', async () => {
    const { time, messages, ask, later } = isolate((nth) => (nth === 1 ? 'never' : 'answered'));
    void ask(1);
    const waiters = [ask(2), later(5, 3), later(9, 4)];
    expect(await time.run(Promise.all(waiters))).toEqual([2, 3, 4]);
    expect(messages).toHaveLength(2);
    const handedIn = messages.flatMap(({ asks }) => asks.map(({ ask: { need, returned } }) => [need.requests, returned.length]));
    // The first message may have arrived, so its requests are sent again, without what they return.
    expect(handedIn.toSorted((a, b) => a.join().localeCompare(b.join()))).toEqual([
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });
});
