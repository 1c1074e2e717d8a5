import { describe, expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../../../src/contract/tenancy/tenancy-limits.ts';
import { AuthorityWatches } from '../../../../src/gateway/tenancy/authority-watches.ts';
import { TimedWakeUps } from '../../../../src/kernel/wake-ups.ts';
import type { AuthorityWatcher } from '../../../../src/tenancy/authority-watchers.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';
import { ORGANISATION, WatchedIsolate, WatchedOrganisation } from '../../../support/worlds/watched-isolate.ts';

const { authorityEndMs, authorityLookMs, authorityWatchAfterMs, authorityCallLostMs } = TENANCY_LIMITS;
const RPC_MS = 20;

function isolateOf() {
  const organisation = new WatchedOrganisation();
  return { organisation, time: organisation.time, isolate: new WatchedIsolate(organisation, 'one', RPC_MS) };
}

describe('a watch', () => {
  it('[T121] whose leader died with its request is taken over in time', async () => {
    const { organisation, time, isolate } = isolateOf();
    isolate.kills = true;
    const leader = isolate.begin('a');
    await time.run(time.sleep(authorityWatchAfterMs + 1));
    expect(isolate.asked).toBe(1);
    leader.letGo();
    isolate.kills = false;
    const other = isolate.begin('a');
    await time.run(time.sleep(authorityWatchAfterMs));
    const endedAtMs = time.nowMs();
    organisation.change('a');
    await time.run(time.sleep(authorityEndMs));
    expect(other.why).toMatchObject({ code: 'invalid_api_key' });
    expect(other.endedAtMs! - endedAtMs).toBeLessThanOrEqual(authorityEndMs);
  });

  it('[T120] that cannot reach the organisation ends nothing, and asks again no faster than a call looks', async () => {
    const { organisation, time, isolate } = isolateOf();
    organisation.isReachable = false;
    const calls = Array.from({ length: 100 }, () => isolate.begin('a'));
    const looks = 10;
    await time.run(time.sleep(authorityWatchAfterMs + looks * (authorityLookMs + RPC_MS)));
    expect(calls.every(({ why }) => why === undefined)).toBe(true);
    expect(isolate.asked).toBeLessThanOrEqual(looks + 2);
    organisation.isReachable = true;
    organisation.change('a');
    await time.run(time.sleep(authorityEndMs));
    expect(calls.every(({ why }) => why?.code === 'invalid_api_key')).toBe(true);
  });

  it('[T121] leaves a call alone that may end its own right, and one that is over', async () => {
    const { organisation, time, isolate } = isolateOf();
    const [waived, over] = [isolate.begin('a'), isolate.begin('a')];
    await time.run(time.sleep(authorityWatchAfterMs + 1));
    waived.authority.waive();
    over.letGo();
    organisation.change('a');
    await time.run(time.sleep(2 * authorityEndMs));
    expect([waived.why, over.why]).toEqual([undefined, undefined]);
  });

  it('[T121] lasts until all let go that hold the call', async () => {
    const { organisation, time, isolate } = isolateOf();
    const call = isolate.begin('a');
    const letGoToo = call.authority.hold();
    call.letGo();
    call.letGo();
    organisation.change('a');
    await time.run(time.sleep(authorityEndMs));
    expect(call.why).toMatchObject({ code: 'invalid_api_key' });
    letGoToo();
  });
});

/** What an isolate says of its calls to the organisation. */
async function saidOf(work: (watches: AuthorityWatches, time: VirtualTime, change: () => void) => Promise<void>) {
  const time = new VirtualTime();
  const said: AuthorityWatcher[] = [];
  const state = { version: 1, wake: (): void => undefined };
  const watches = new AuthorityWatches({
    clock: time,
    timer: time,
    wakeUps: new TimedWakeUps(time, { firstMs: 5, lastMs: 50 }, () => undefined),
    isolate: 'one',
    ask: async (_, watcher, waitMs) => {
      said.push(watcher);
      await Promise.race([time.sleep(waitMs), new Promise<void>((resolve) => void (state.wake = resolve))]);
      return state.version;
    },
    onChange: () => undefined,
  });
  const change = (): void => {
    state.version += 1;
    state.wake();
  };
  await time.run(work(watches, time, change));
  return said.map(({ known, settled }) => ({ known, settled }));
}

describe('an isolate', () => {
  it('[T122] says at which version its calls have settled, and that it has none once the last ended', async () => {
    const said = await saidOf(async (watches, time, change) => {
      const [first, second] = [watches.join(ORGANISATION, 1), watches.join(ORGANISATION, 1)];
      watches.isLasting(first);
      await time.sleep(1);
      change();
      await time.sleep(1);
      first.version = 2;
      watches.isLasting(first);
      await time.sleep(TENANCY_LIMITS.authorityWatchBehindMs + 1);
      watches.leave(second);
      watches.isLasting(first);
      await time.sleep(1);
      change();
      await time.sleep(1);
      watches.leave(first);
      await time.sleep(1);
    });
    expect(said).toEqual([
      { known: 1, settled: 1 },
      { known: 2, settled: 1 },
      { known: 2, settled: 2 },
      { known: 3, settled: null },
    ]);
  });

  it('[T122] forgets a call that died with its request', async () => {
    const said = await saidOf(async (watches, time, change) => {
      const [dead, living] = [watches.join(ORGANISATION, 1), watches.join(ORGANISATION, 1)];
      watches.isLasting(dead);
      await time.sleep(1);
      change();
      for (let waitedMs = 0; waitedMs <= authorityCallLostMs + TENANCY_LIMITS.authorityWatchBehindMs; waitedMs += authorityLookMs) {
        living.version = 2;
        watches.isLasting(living);
        await time.sleep(authorityLookMs);
      }
      watches.leave(living);
    });
    expect(said[1]).toEqual({ known: 2, settled: 1 });
    expect(said.at(-1)).toEqual({ known: 2, settled: 2 });
  });
});
