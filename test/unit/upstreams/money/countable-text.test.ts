import { expect, it } from 'vitest';

import { CountableText } from '../../../../src/upstreams/money/countable-text.ts';

/** The parts of a text that are counted. */
function partsOf(text: CountableText): string[] {
  const parts: string[] = [];
  text.tokens((part) => parts.push(part));
  return parts;
}

it('[U193] a text is kept whole up to a size, each field by itself, and no character is cut', () => {
  const text = new CountableText();
  const said = `x${'\u{1f600}'.repeat(2_000)}`;
  for (let at = 0; at < said.length; at += 3) text.add('said', said.slice(at, at + 3));
  text.add('thought', 'y');
  const parts = partsOf(text);
  expect(parts.join('')).toBe(`${said}y`);
  expect(parts.filter((part) => /\p{Surrogate}/u.test(part))).toEqual([]);
});

it('[U193] of a longer one parts are kept that lie evenly over it, at most 32 kB', () => {
  const text = new CountableText();
  for (let at = 0; at < 10_000; at += 1) text.add('said', String(at).padStart(256, ' '));
  const kept = partsOf(text).map(Number);
  expect(kept.length).toBeGreaterThan(32);
  expect(kept.length).toBeLessThanOrEqual(64);
  expect(new Set(kept.slice(1).map((at, index) => at - (kept[index] ?? 0))).size, 'by one stride').toBe(1);
  expect(kept[0]).toBe(0);
  expect(kept.at(-1)).toBeGreaterThan(9_700);
  expect(text.tokens(() => 64)).toBe(10_000 * 64);
});

it('[U193] fields without number hold no more', () => {
  const text = new CountableText();
  for (let at = 0; at < 5_000; at += 1) text.add(`field ${at}`, 'abcd');
  expect(partsOf(text).length).toBeLessThanOrEqual(64 + 32);
  expect(text.tokens(() => 1)).toBe(5_000);
});
