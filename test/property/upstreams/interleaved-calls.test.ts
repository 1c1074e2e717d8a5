import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chatAsMessage, ChatStreamAsMessage } from '../../../src/upstreams/protocol/chat-answers.ts';
import { JsonEnd } from '../../../src/upstreams/protocol/json-end.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { listAt, objectAt, textAt } from '../../../src/upstreams/protocol/json.ts';
import { messageAsChat, MessageStreamAsChat } from '../../../src/upstreams/protocol/message-answers.ts';
import { chatAsResponse, ChatStreamAsResponse } from '../../../src/upstreams/protocol/response-answers.ts';
import { effort } from '../../support/fixtures/effort.ts';

interface Called {
  readonly id: string;
  readonly name: string;
  readonly input: object;
}

const text = fc.string({ minLength: 1, maxLength: 8 });
const name = fc.stringMatching(/^[a-z]{1,8}$/);
const value = fc.oneof(fc.integer(), fc.constantFrom('}{', '"\\', ']', ''), fc.array(fc.integer(), { maxLength: 2 }), text);
const input = fc.dictionary(name, value, { maxKeys: 3 });
const calls = fc
  .array(fc.tuple(name, input), { maxLength: 4 })
  .map((all) => all.map(([of, at], i): Called => ({ id: `call_${i}`, name: of, input: at })));

/** How a server sends an answer: what it says and the pieces of its calls in any order, but for that within one of them. */
const answers = fc.record({
  calls,
  texts: fc.array(text, { maxLength: 4 }),
  pieceChars: fc.integer({ min: 1, max: 12 }),
  order: fc.infiniteStream(fc.nat()),
});
type Streamed = {
  readonly calls: readonly Called[];
  readonly texts: readonly string[];
  readonly pieceChars: number;
  readonly order: Iterator<number>;
};

const wholeOf = ({ calls: made, texts }: Pick<Streamed, 'calls' | 'texts'>) => ({
  id: 'c1',
  created: 7,
  model: 'm',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: texts.join(''),
        refusal: null,
        tool_calls: made.map(({ id, name: called, input: given }) => ({
          id,
          type: 'function',
          function: { name: called, arguments: JSON.stringify(given) },
        })),
      },
      finish_reason: made.length > 0 ? 'tool_calls' : 'stop',
    },
  ],
});

const chunk = (delta: object, finish: string | null = null): JsonObject => ({
  id: 'c1',
  created: 7,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
});

function interleaved({ calls: made, texts, pieceChars, order }: Streamed): JsonObject[] {
  const lanes = [
    texts.map((content) => chunk({ content })),
    ...made.map(({ id, name: called, input: given }, index) => {
      const pieces = JSON.stringify(given).match(new RegExp(`[^]{1,${pieceChars}}`, 'g')) ?? [];
      return [
        chunk({ tool_calls: [{ index, id, type: 'function', function: { name: called, arguments: '' } }] }),
        ...pieces.map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
      ];
    }),
  ].filter((lane) => lane.length > 0);
  const sent: JsonObject[] = [];
  let left = lanes;
  while (left.length > 0) {
    const lane = left[(order.next().value as number) % left.length] as JsonObject[];
    sent.push(lane.shift() as JsonObject);
    left = left.filter((one) => one.length > 0);
  }
  return [...sent, chunk({}, made.length > 0 ? 'tool_calls' : 'stop')];
}

const byId = (one: readonly Called[]) => one.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** As Anthropic's clients fold events: one block at a time, and nothing else. */
function foldEvents(events: readonly JsonObject[]) {
  const blocks: JsonObject[] = [];
  let json = '';
  let open: Record<string, unknown> | undefined;
  for (const event of events) {
    const delta = objectAt(event, 'delta');
    if (event['type'] === 'content_block_start') {
      expect([open, event['index']]).toEqual([undefined, blocks.length]);
      [open, json] = [{ ...objectAt(event, 'content_block') }, ''];
    } else if (event['type'] === 'content_block_delta') {
      expect(event['index']).toBe(blocks.length);
      if (delta['type'] === 'text_delta') (open as { text: string }).text += textAt(delta, 'text');
      else json += textAt(delta, 'partial_json');
    } else if (event['type'] === 'content_block_stop') {
      expect(event['index']).toBe(blocks.length);
      blocks.push(open?.['type'] === 'tool_use' ? { ...open, input: JSON.parse(json || '{}') as unknown } : (open as JsonObject));
      open = undefined;
    }
  }
  expect(open).toBeUndefined();
  return saidIn(blocks);
}

const saidIn = (blocks: readonly JsonObject[]) => ({
  text: blocks.map((block) => textAt(block, 'text') ?? '').join(''),
  calls: byId(blocks.filter(({ type }) => type === 'tool_use') as unknown as Called[]).map(({ id, name: of, input: given }) => ({
    id,
    name: of,
    input: given,
  })),
});

describe('calls of tools whose pieces come in any order', () => {
  it("[U230] are the same calls in Anthropic's messages, streamed and whole", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const stream = new ChatStreamAsMessage();
        const events = [...interleaved(answer).flatMap((one) => stream.push(one)), ...stream.end(undefined)];
        expect(foldEvents(events)).toEqual(saidIn(chatAsMessage(wholeOf(answer))['content'] as JsonObject[]));
        expect(stream.heldChars).toBe(0);
        const stop = events.find(({ type }) => type === 'message_delta');
        expect(objectAt(stop, 'delta')['stop_reason']).toBe(answer.calls.length > 0 ? 'tool_use' : 'end_turn');
      }),
      { numRuns: effort(300) },
    );
  });

  it('[U230] are the same calls in the responses API, streamed and whole', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const stream = new ChatStreamAsResponse({});
        const events = [...interleaved(answer).flatMap((one) => stream.push(one)), ...stream.end(undefined)];
        const open: unknown[] = [];
        const pieces = new Map<unknown, string>();
        for (const event of events) {
          if (event['type'] === 'response.output_item.added') open.push(event['output_index']);
          if (event['type'] === 'response.output_item.done') expect(open.pop()).toBe(event['output_index']);
          if (event['type'] === 'response.function_call_arguments.delta')
            pieces.set(event['output_index'], (pieces.get(event['output_index']) ?? '') + textAt(event, 'delta'));
          expect(open.length).toBeLessThan(2);
        }
        const output = listAt(objectAt(events.at(-1), 'response'), 'output');
        expect(itemsIn(output)).toEqual(itemsIn(listAt(chatAsResponse(wholeOf(answer), {}), 'output')));
        for (const [index, said] of pieces) expect(objectAt({ at: output[index as number] }, 'at')['arguments']).toBe(said);
      }),
      { numRuns: effort(200) },
    );
  });

  it("[U230] are the same calls in chat completions, of Anthropic's blocks in any order", () => {
    fc.assert(
      fc.property(answers, ({ calls: made, texts, pieceChars, order }) => {
        const content = [...texts.map((one) => ({ type: 'text', text: one })), ...made.map((call) => ({ type: 'tool_use', ...call }))];
        const left = content.map((block, index) => ({ index, events: blockEvents(block, index, pieceChars) }));
        const stream = new MessageStreamAsChat({ createdS: 7, includesUsage: false });
        const chunks: JsonObject[] = [];
        // Blocks begin in their order; their pieces come as they like, and those of tools of the server's own among them.
        const began = left.map(({ events }) => events.shift() as JsonObject);
        const server = {
          type: 'content_block_start',
          index: 99,
          content_block: { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
        };
        for (const event of [...began, server]) chunks.push(...stream.push(event));
        let open = left.filter(({ events }) => events.length > 0);
        while (open.length > 0) {
          const { events } = open[(order.next().value as number) % open.length] as (typeof left)[number];
          chunks.push(...stream.push(events.shift() as JsonObject));
          chunks.push(
            ...stream.push({ type: 'content_block_delta', index: 99, delta: { type: 'input_json_delta', partial_json: '{"q":' } }),
          );
          open = open.filter((one) => one.events.length > 0);
        }
        const whole = objectAt(
          listAt(messageAsChat({ id: 'm', content, stop_reason: 'end_turn' }, { createdS: 7, includesUsage: false }), 'choices')[0],
          'message',
        );
        expect(foldCalls(chunks)).toEqual(listAt(whole, 'tool_calls').map((one) => objectAt(one, 'function')));
      }),
      { numRuns: effort(200) },
    );
  });
});

function blockEvents(block: JsonObject, index: number, pieceChars: number): JsonObject[] {
  const isText = block['type'] === 'text';
  const said = isText ? String(block['text']) : JSON.stringify(block['input']);
  const pieces = said === '{}' && !isText ? [] : (said.match(new RegExp(`[^]{1,${pieceChars}}`, 'g')) ?? []);
  return [
    { type: 'content_block_start', index, content_block: isText ? { type: 'text', text: '' } : { ...block, input: {} } },
    ...pieces.map((piece) => ({
      type: 'content_block_delta',
      index,
      delta: isText ? { type: 'text_delta', text: piece } : { type: 'input_json_delta', partial_json: piece },
    })),
    { type: 'content_block_stop', index },
  ];
}

function foldCalls(chunks: readonly JsonObject[]): { name: string; arguments: string }[] {
  const made: { name: string; arguments: string }[] = [];
  for (const one of chunks) {
    for (const piece of listAt(objectAt(listAt(one, 'choices')[0], 'delta'), 'tool_calls')) {
      const { index } = piece as { index: number };
      const called = objectAt(piece, 'function');
      made[index] ??= { name: textAt(called, 'name') ?? '', arguments: '' };
      made[index].arguments += textAt(called, 'arguments') ?? '';
    }
  }
  return made;
}

const itemsIn = (output: readonly unknown[]) => ({
  text: output.flatMap((item) => listAt(item, 'content').map((part) => textAt(part, 'text'))).join(''),
  calls: output
    .filter((item) => textAt(item, 'type') === 'function_call')
    .map((item) => ['call_id', 'name', 'arguments'].map((field) => textAt(item, field)))
    .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
});

describe('where calls are not numbered as they should be', () => {
  const fold = (deltas: readonly object[]) => {
    const stream = new ChatStreamAsMessage();
    return foldEvents([...deltas.flatMap((delta) => stream.push(chunk(delta))), ...stream.end(undefined)]).calls.map(
      ({ name: of, input: given }) => [of, given],
    );
  };
  const piece = (id: string | undefined, of: string | undefined, given: string, index?: number) => ({
    tool_calls: [
      {
        ...(index === undefined ? {} : { index }),
        ...(id === undefined ? {} : { id }),
        function: { ...(of === undefined ? {} : { name: of }), arguments: given },
      },
    ],
  });

  it('[U230] tells calls apart by their ids, and waits for the name of one', () => {
    expect(fold([piece('a', 'x', '{"n":'), piece(undefined, undefined, '1}'), piece('b', 'y', '{}')])).toEqual([
      ['x', { n: 1 }],
      ['y', {}],
    ]);
    expect(fold([piece('a', 'x', '{"n":1}', 0), piece('b', 'y', '{"n":2}', 0)])).toEqual([
      ['x', { n: 1 }],
      ['y', { n: 2 }],
    ]);
    // An id of its own for each piece is none.
    expect(fold([piece('a', 'x', '{"n":', 0), piece('b', undefined, '1}', 0)])).toEqual([['x', { n: 1 }]]);
    expect(fold([piece('a', undefined, '{"n":', 0), piece(undefined, 'x', '1}', 0)])).toEqual([['x', { n: 1 }]]);
  });

  it('[U230] sends the first call as it comes, and the next one as soon as that has ended', () => {
    const stream = new ChatStreamAsMessage();
    const said = (delta: object) => stream.push(chunk(delta)).map(({ type }) => String(type).replace('content_block_', ''));
    expect(said(piece('a', 'x', '{"n":', 0))).toEqual(['message_start', 'start', 'delta']);
    expect(said(piece('b', 'y', '{"m"', 1))).toEqual([]);
    expect([said({ content: 'aside' }), stream.heldChars]).toEqual([[], 9]);
    expect(said(piece(undefined, undefined, '[1]}', 0))).toEqual(['delta']);
    expect([said(piece(undefined, undefined, ':2}', 1)), stream.heldChars]).toEqual([
      ['stop', 'start', 'delta', 'stop', 'start', 'delta'],
      0,
    ]);
  });

  it('[U230] finds the end of a JSON object wherever its pieces end', () => {
    fc.assert(
      fc.property(fc.tuple(input, fc.integer({ min: 1, max: 5 })), ([given, chars]) => {
        const end = new JsonEnd();
        const json = JSON.stringify(given);
        for (let at = 0; at < json.length; at += chars) {
          expect(end.hasEnded).toBe(false);
          end.push(json.slice(at, at + chars));
        }
        expect(end.hasEnded).toBe(true);
        end.push(' \n');
        expect(end.hasEnded).toBe(true);
        end.push('x');
        expect(end.hasEnded).toBe(false);
      }),
      { numRuns: effort(100) },
    );
  });
});
