import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { joinedBytes, utf8 } from '../../../src/kernel/bytes.ts';
import { SseEvents } from '../../../src/upstreams/protocol/sse-events.ts';
import { AnswerStream } from '../../../src/upstreams/protocol/answer-stream.ts';
import { effort } from '../../support/fixtures/effort.ts';

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
  fc.constantFrom('data:', 'event: delta', ': ping', 'id: 7', 'nonsense', 'data: [DONE]', 'data:  two spaces'),
);
const stream = fc.array(fc.tuple(fc.array(line, { minLength: 1, maxLength: 3 }), lineEnd), { maxLength: 6 }).map((events) => ({
  text: events.map(([lines, end]) => [...lines, ''].join(end) + end).join(''),
  events: events.map(([lines]) => ({ name: fieldOf(lines, 'event').at(-1), data: textOf(fieldOf(lines, 'data')) })),
}));

/** What the lines say of a field, as the standard reads them. */
const fieldOf = (lines: readonly string[], name: string): string[] =>
  lines.filter((one) => one.startsWith(`${name}:`)).map((one) => one.slice(name.length + 1).replace(/^ /, ''));
const textOf = (data: readonly string[]): string | undefined => (data.length === 0 ? undefined : data.join('\n'));

const piecesOf = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
};

function seenIn(pieces: readonly Uint8Array[]) {
  const events = new SseEvents();
  const seen = pieces.flatMap((piece) => events.push(piece));
  return {
    seen: seen.map(({ name, data }) => ({ name, data })),
    bytes: joinedBytes(seen.map(({ bytes }) => bytes)),
    held: events.heldBytes,
  };
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });

it('[U30] sees the same events wherever the pieces of a stream end, and loses no byte', () => {
  fc.assert(
    fc.property(stream, cuts, ({ text, events }, at) => {
      const bytes = utf8(text);
      const whole = seenIn([bytes]);
      expect(whole.seen).toEqual(events);
      expect(seenIn(piecesOf(bytes, at))).toEqual(whole);
      expect(seenIn(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
      expect(whole.bytes).toEqual(bytes.subarray(0, bytes.length - whole.held));
      expect(whole.held).toBeLessThanOrEqual(1);
    }),
    { numRuns: effort(300) },
  );
});

const chunk = fc.record({
  choices: fc.array(fc.record({ index: fc.nat(2), delta: fc.record({ content: fc.string({ unit: 'grapheme' }) }) }), {
    minLength: 1,
    maxLength: 2,
  }),
});

it('[U32] passes chunks on byte by byte the same, without the usage that only Sluice asked for', () => {
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), cuts, fc.boolean(), (chunks, at, hidesUsage) => {
      const usage = { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } };
      const events = chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('');
      const usageEvent = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
      const answer = new AnswerStream({ spoken: 'chat', own: 'chat', hidesUsage, translator: undefined });
      const sent = piecesOf(utf8(`${events}${usageEvent}data: [DONE]\n\n`), at).flatMap((piece) => answer.push(piece).send ?? []);
      expect(new TextDecoder().decode(joinedBytes(sent))).toBe(`${events}${hidesUsage ? '' : usageEvent}data: [DONE]\n\n`);
      expect(answer.usage).toEqual({ inputTokens: 7, cachedTokens: 2, outputTokens: 3, reasoningTokens: 0 });
      expect(answer.uncounted, 'all is reported').toBeUndefined();
      expect(answer.end()).toMatchObject({ isWhole: true });
    }),
    { numRuns: effort(200) },
  );
});
