import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import { effort } from '../../support/fixtures/effort.ts';
import type { WatchedCall } from '../../support/worlds/watched-isolate.ts';
import { WatchedIsolate, WatchedOrganisation } from '../../support/worlds/watched-isolate.ts';

const { authorityEndMs, authorityWatchAfterMs, authorityWatchMs, authorityLookMs } = TENANCY_LIMITS;
const KEYS = ['a', 'b', 'c'] as const;
const RPC_MS = 20;

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('begin' as const), isolate: fc.nat(1), key: fc.constantFrom(...KEYS) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('letGo' as const), call: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('change' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

/** Pauses of all sizes that the mechanism has times for. */
const pause = fc.oneof(fc.nat(60), fc.nat(2 * authorityLookMs), fc.nat(3_000), fc.nat(authorityWatchMs + 2_000));

interface Ended {
  readonly atMs: number;
  readonly keys: readonly string[];
}

/** What every call must have come to: it ends with its key, in time, and never otherwise. */
function check(calls: readonly WatchedCall[], letGo: ReadonlyMap<WatchedCall, number>, endings: readonly Ended[], nowMs: number): void {
  for (const call of calls) {
    const endAtMs = endings.find(({ keys }) => keys.includes(call.key))?.atMs;
    const overAtMs = letGo.get(call) ?? Infinity;
    if (call.endedAtMs !== undefined) {
      expect(endAtMs, 'nothing ends whose right lasts').toBeDefined();
      expect(call.endedAtMs).toBeGreaterThanOrEqual(endAtMs!);
      expect(call.endedAtMs - endAtMs!).toBeLessThanOrEqual(authorityEndMs);
    } else if (endAtMs !== undefined && overAtMs === Infinity) expect(nowMs - endAtMs).toBeLessThanOrEqual(authorityEndMs);
  }
}

describe('calls under way, in two isolates', () => {
  it('[T121] end within `authorityEndMs` of their right, and no other does, by one question an isolate', async () => {
    let ends = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, pause), { minLength: 5, maxLength: 40 }), async (steps) => {
        const organisation = new WatchedOrganisation();
        const { time } = organisation;
        const isolates = [new WatchedIsolate(organisation, 'one', RPC_MS), new WatchedIsolate(organisation, 'two', RPC_MS)] as const;
        const calls: WatchedCall[] = [];
        const letGo = new Map<WatchedCall, number>();
        const endings: Ended[] = [];
        for (const [what, pauseMs] of steps) {
          if (what.kind === 'begin' && !organisation.ended.has(what.key)) calls.push(isolates[what.isolate]!.begin(what.key));
          else if (what.kind === 'end' && !organisation.ended.has(what.key)) {
            endings.push({ atMs: time.nowMs(), keys: [what.key] });
            organisation.change(what.key);
          } else if (what.kind === 'change') organisation.change();
          else if (what.kind === 'restart') organisation.restart();
          else if (what.kind === 'letGo') {
            const call = calls[what.call];
            if (call !== undefined && call.endedAtMs === undefined && !letGo.has(call)) {
              letGo.set(call, time.nowMs());
              call.letGo();
            }
          }
          await time.run(time.sleep(pauseMs));
          check(calls, letGo, endings, time.nowMs());
        }
        await time.run(time.sleep(authorityEndMs));
        check(calls, letGo, endings, time.nowMs());
        // A newer question ends the one that waits, whose answer is on its way then.
        for (const { askingMost } of isolates) expect(askingMost).toBeLessThanOrEqual(2);
        for (const call of calls) call.letGo();
        await time.run(time.sleep(authorityWatchMs + 2_000));
        for (const { asking } of isolates) expect(asking).toBe(0);
        expect(organisation.watchers.countBehind(organisation.version)).toBe(0);
        ends += calls.filter(({ endedAtMs }) => endedAtMs !== undefined).length;
      }),
      { seed: 32, numRuns: effort(150) },
    );
    expect(ends).toBeGreaterThan(100);
  });

  it('[T120] short calls ask nothing, and long ones once in `authorityWatchMs`, however many there are', async () => {
    const organisation = new WatchedOrganisation();
    const { time } = organisation;
    const isolate = new WatchedIsolate(organisation, 'one', RPC_MS);
    for (let at = 0; at < 100; at += 1) {
      const call = isolate.begin('a');
      await time.run(time.sleep(authorityWatchAfterMs - 1));
      call.letGo();
    }
    expect([isolate.asked, isolate.readings]).toEqual([0, 0]);
    const calls = Array.from({ length: 1_000 }, () => isolate.begin('a'));
    await time.run(time.sleep(4 * authorityWatchMs));
    expect(isolate.asked).toBeLessThanOrEqual(5);
    // Each question begins anew after a look, in which the key is read for all.
    expect(isolate.readings).toBeLessThanOrEqual(10);
    for (const call of calls) call.letGo();
    await time.run(time.sleep(authorityWatchMs + 2_000));
    expect(isolate.asking).toBe(0);
  });
});
