import { expect, it } from 'vitest';

import { RefreshAheadCache } from '../../../../src/gateway/api/refresh-ahead-cache.ts';

/** A cache of texts of a byte a character, and reads that end when the test says. */
function world() {
  const seen = { nowMs: 0, background: 0 };
  const cache = new RefreshAheadCache<string>({
    freshMs: 100,
    refreshAfterMs: 50,
    staleMs: 1_000,
    entriesMax: 2,
    bytesMax: 10,
    bytesOf: ({ length }) => length,
    clock: { nowMs: () => seen.nowMs },
    background: () => void (seen.background += 1),
  });
  const get = (key: string, value: string) => cache.get(key, () => Promise.resolve(value));
  const fail = (key: string) => cache.get(key, () => Promise.reject(new Error('away')));
  return { seen, cache, get, fail };
}

it('[U6] refreshes a copy in the background once it is old enough, by one read for all calls', async () => {
  const { seen, cache, get } = world();
  await get('a', 'one');
  seen.nowMs = 49;
  expect([await get('a', 'two'), seen.background]).toEqual(['one', 0]);
  seen.nowMs = 50;
  let finish: (value: string) => void = () => undefined;
  expect(await cache.get('a', () => new Promise((resolve) => (finish = resolve)))).toBe('one');
  expect([await get('a', 'unread'), seen.background]).toEqual(['one', 1]);
  finish('two');
  await Promise.resolve();
  expect(await get('a', 'unread')).toBe('two');
});

it('[U6] waits for a read once a copy is not fresh, and uses the copy where that fails until it is stale', async () => {
  const { seen, get, fail } = world();
  expect(await fail('a')).toBeUndefined();
  await get('a', 'one');
  seen.nowMs = 999;
  expect(await fail('a')).toBe('one');
  seen.nowMs = 1_000;
  expect(await fail('a')).toBeUndefined();
});

it('[U6] keeps the value of the read that began last, whichever ends last', async () => {
  const { seen, cache, get } = world();
  let finish: (value: string) => void = () => undefined;
  const slow = cache.get('a', () => new Promise((resolve) => (finish = resolve)));
  seen.nowMs = 1;
  await get('a', 'newer');
  finish('older');
  expect([await slow, await get('a', 'unread')]).toEqual(['newer', 'newer']);
});

it('[U6] uses what a later read has brought where an earlier one fails', async () => {
  const { seen, cache, get } = world();
  let fail: (why: Error) => void = () => undefined;
  const slow = cache.get('a', () => new Promise((_, reject) => (fail = reject)));
  seen.nowMs = 1;
  await get('a', 'newer');
  fail(new Error('away'));
  expect(await slow).toBe('newer');
});

it('[U6] a read that began before a change from here is no answer after it', async () => {
  const { seen, cache, get } = world();
  await get('a', 'one');
  seen.nowMs = 50;
  let finish: (value: string) => void = () => undefined;
  await cache.get('a', () => new Promise((resolve) => (finish = resolve)));
  const first = cache.get('b', () => Promise.resolve('old'));
  cache.outdate('a');
  cache.outdate('b');
  finish('old');
  await first;
  expect([await get('a', 'new'), await get('b', 'b')]).toEqual(['new', 'b']);
  expect(await get('a', 'unread')).toBe('new');
});

it('[U6] reads again where the clock was set back', async () => {
  const { seen, get } = world();
  seen.nowMs = 1_000_000;
  await get('a', 'one');
  seen.nowMs = 0;
  expect([await get('a', 'two'), await get('a', 'unread')]).toEqual(['two', 'two']);
});

it('[U6] gives the read the value that it replaces, and keeps alone what is larger than the whole cache', async () => {
  const { seen, cache, get } = world();
  await get('a', 'x'.repeat(20));
  expect(await get('a', 'unread')).toHaveLength(20);
  seen.nowMs = 100;
  expect(await cache.get('a', async (before) => `${before?.length}`)).toBe('20');
  await get('b', 'x');
  await get('c', 'x');
  expect(await get('a', 'read again')).toBe('read again');
});
