import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { utf8 } from '../../../src/kernel/bytes.ts';
import type { CountableText } from '../../../src/upstreams/money/countable-text.ts';
import { AnswerStream } from '../../../src/upstreams/protocol/answer-stream.ts';
import { CopyMeter } from '../../../src/upstreams/protocol/copy-meter.ts';
import { sseText } from '../../../src/upstreams/protocol/sse-events.ts';
import { effort } from '../../support/fixtures/effort.ts';

type Streamed = 'chat' | 'completions' | 'messages' | 'responses';

const texts = fc.array(
  fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('data: [DONE]', '"message_stop"}', '"error"', '\n\n')),
  { maxLength: 40, size: 'max' },
);
const told = fc.record({ texts, input: fc.nat(999), output: fc.nat(999), usage: fc.boolean(), end: fc.boolean() });
type Told = typeof told extends fc.Arbitrary<infer T> ? T : never;

/** A stream as each API sends it. `usage`: whether it reports any. `end`: whether it says that it ends. */
const STREAMS: Readonly<Record<Streamed, (said: Told) => string>> = {
  chat: (said) => chunksOf(said, (content) => ({ index: 0, delta: { content }, finish_reason: null })),
  completions: (said) => chunksOf(said, (text) => ({ index: 0, text, finish_reason: null })),
  messages: ({ texts: said, input, output, usage, end }) =>
    [
      { type: 'message_start', message: { content: [], ...(usage && { usage: { input_tokens: input, output_tokens: 1 } }) } },
      ...said.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, ...(usage && { usage: { output_tokens: output } }) },
      ...(end ? [{ type: 'message_stop' }] : []),
    ]
      .map((event) => sseText(JSON.stringify(event), event.type))
      .join(''),
  responses: ({ texts: said, input, output, usage, end }) =>
    [
      { type: 'response.created', response: {} },
      ...said.map((delta) => ({ type: 'response.output_text.delta', delta })),
      ...(end ? [{ type: 'response.completed', response: usage ? { usage: { input_tokens: input, output_tokens: output } } : {} }] : []),
    ]
      .map((event) => sseText(JSON.stringify(event), event.type))
      .join(''),
};

function chunksOf({ texts: said, input, output, usage, end }: Told, choiceOf: (text: string) => object): string {
  const chunks = [
    ...said.map((text) => ({ choices: [choiceOf(text)], usage: null })),
    { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: null },
    ...(usage ? [{ choices: [], usage: { prompt_tokens: input, completion_tokens: output } }] : []),
  ];
  return chunks.map((chunk) => sseText(JSON.stringify(chunk))).join('') + (end ? sseText('[DONE]') : '');
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });
const piecesOf = (bytes: Uint8Array, at: readonly number[]): Uint8Array[] => {
  const ends = [...new Set(at.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((from, i) => bytes.subarray(from, ends[i] ?? bytes.length)).filter(({ length }) => length > 0);
};

/** What a relay of the stream comes to, which reads each event as it passes. */
function relayed(dialect: Streamed, pieces: readonly Uint8Array[]) {
  const answer = new AnswerStream({ spoken: dialect, own: dialect, hidesUsage: false, translator: undefined });
  const problem = pieces.map((piece) => answer.push(piece).problem).find((one) => one !== undefined);
  const isWhole = problem === undefined && answer.end().isWhole;
  return { isWhole, usage: answer.usage, countedChars: charsIn(answer.uncounted) };
}

function metered(dialect: Streamed, [first, ...rest]: readonly Uint8Array[]) {
  const meter = new CopyMeter(dialect, 4 * 1024 * 1024);
  if (first !== undefined) meter.pushRead(first);
  for (const piece of rest) meter.push(piece);
  const isWhole = meter.end() || meter.hasEnded;
  return { isWhole, usage: meter.usage, countedChars: charsIn(meter.uncounted) };
}

/** Of what has to be counted; undefined: the upstream has reported all. */
const charsIn = (text: CountableText | undefined): number | undefined => text?.tokens((block) => block.length);

it.each(Object.keys(STREAMS) as Streamed[])(
  '[U75] the copy of a stream of %s says what the stream says, wherever pieces end',
  (dialect) => {
    fc.assert(
      fc.property(told, cuts, fc.nat(), fc.boolean(), fc.boolean(), (said, at, length, isCut, isByEvents) => {
        const whole = utf8(STREAMS[dialect](said));
        const came = isCut ? whole.subarray(0, length % (whole.length + 1)) : whole;
        // Most upstreams send an event at once: what is read of the first piece then ends with it.
        const first = isByEvents ? new TextDecoder().decode(came).indexOf('\n\n') + 2 : 0;
        const pieces = [...piecesOf(came.subarray(0, first), []), ...piecesOf(came.subarray(first), at)];
        expect(metered(dialect, pieces)).toEqual(relayed(dialect, pieces));
      }),
      { numRuns: effort(300) },
    );
  },
);

it('[U75] long streams are read as they come, and short ones without parsing each event', () => {
  const event = (content: string): string => sseText(JSON.stringify({ choices: [{ index: 0, delta: { content } }] }));
  const end = `${sseText(JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 5 } }))}data: [DONE]\n\n`;
  const long = new CopyMeter('chat', 4 * 1024 * 1024);
  for (let at = 0; at < 300; at += 1) long.push(utf8(event('x'.repeat(1_000))));
  expect(long.uncounted?.chars).toBeGreaterThan(200_000);
  long.push(utf8(end));
  expect([long.hasEnded, long.uncounted, long.usage]).toEqual([
    true,
    undefined,
    { inputTokens: 3, cachedTokens: 0, outputTokens: 5, reasoningTokens: 0 },
  ]);
  const short = new CopyMeter('chat', 4 * 1024 * 1024);
  short.push(utf8(event('a') + event('b').repeat(100) + end));
  expect([short.hasEnded, short.uncounted, short.usage?.outputTokens]).toEqual([true, undefined, 5]);
});

it('[U36] an event beyond the limit is none', () => {
  const meter = new CopyMeter('chat', 1_000);
  meter.push(utf8(`data: ${'x'.repeat(70_000)}`));
  expect(meter.problem).toEqual({ kind: 'garbage' });
});
