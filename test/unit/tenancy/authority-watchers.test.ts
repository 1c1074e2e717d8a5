import { expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import { AuthorityWatchers } from '../../../src/tenancy/authority-watchers.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';

const WAIT_MS = TENANCY_LIMITS.authorityWatchMs;

class Watched {
  readonly time = new VirtualTime();
  readonly watchers = new AuthorityWatchers(this.time, this.time);
  version = 1;

  /** When the question of an isolate was answered. */
  async ask(isolate: string, known: number, settled: number | null = known, waitMs = WAIT_MS): Promise<number> {
    await this.watchers.wait({ isolate, known, settled }, waitMs, () => this.version);
    return this.time.nowMs();
  }

  change(): void {
    this.version += 1;
    this.watchers.changed();
  }
}

it('[T120] a question waits until something changes, and no longer than it may', async () => {
  const world = new Watched();
  const { time } = world;
  const startMs = time.nowMs();
  time.after(3_000, () => world.change());
  const answers = await time.run(Promise.all([world.ask('one', 1), world.ask('two', 1), world.ask('behind', 0)]));
  expect(answers.map((atMs) => atMs - startMs)).toEqual([3_000, 3_000, 0]);
  const nextMs = time.nowMs();
  expect((await time.run(world.ask('one', 2))) - nextMs).toBe(WAIT_MS);
});

it('[T120] a change that is taken back wakes nobody for good', async () => {
  const world = new Watched();
  const startMs = world.time.nowMs();
  // As a transaction that fails after its line of the trail.
  world.time.after(1_000, () => world.watchers.changed());
  expect((await world.time.run(world.ask('one', 1))) - startMs).toBe(WAIT_MS);
});

it('[T120] an isolate waits with one question at a time: a newer one ends the older', async () => {
  const world = new Watched();
  const startMs = world.time.nowMs();
  const first = world.ask('one', 1);
  world.time.after(2_000, () => void world.ask('one', 1));
  expect((await world.time.run(first)) - startMs).toBe(2_000);
});

it('[T122] an isolate is behind until all its calls have settled, or it has none, or it died', async () => {
  const world = new Watched();
  const { time, watchers } = world;
  const asked = [world.ask('settling', 1), world.ask('leaving', 1), world.ask('dying', 1)];
  expect(watchers.countBehind(1)).toBe(0);
  world.change();
  await time.run(Promise.all(asked));
  expect(watchers.countBehind(2)).toBe(3);
  void world.ask('settling', 2, 2);
  void world.ask('leaving', 2, null);
  expect(watchers.countBehind(2)).toBe(1);
  await time.run(time.sleep(TENANCY_LIMITS.authorityCallLostMs - 1));
  expect(watchers.countBehind(2)).toBe(1);
  await time.run(time.sleep(1));
  expect(watchers.countBehind(2)).toBe(0);
});
