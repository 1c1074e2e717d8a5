import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { CompletionCall } from '../../../src/gateway/completions/completion-call.ts';
import { PlanServer } from '../../../src/gateway/completions/plan-server.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';
import { requestNanoAt, usd } from '../../../src/tenancy/usage/price-book.ts';
import { Exchanges } from '../../../src/upstreams/protocol/exchange.ts';
import type { Surface } from '../../../src/upstreams/protocol/surfaces.ts';
import { sseText } from '../../../src/upstreams/protocol/sse-events.ts';
import type { BodyCopy, TransportFault } from '../../../src/upstreams/transport.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { targetOf } from '../../support/upstreams/target.ts';
import { byteCounts } from '../../support/upstreams/token-counts.ts';

// What a caller is told that its stream costs, and what is charged, whatever an upstream reports of it and wherever it ends.

const NOW_MS = Date.UTC(2026, 10, 1);
const PRICES = { inputNano: 1_000_000, cachedInputNano: 500_000, outputNano: 3_000_000, requestNano: 5 };

/** What an upstream sends next: a text, its usage so far (with a text or alone), that it has finished. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ text: fc.string({ minLength: 1, maxLength: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ text: fc.constantFrom('', 'abcdefgh'), input: fc.nat(60), output: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ input: fc.nat(60), output: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ finish: fc.constant(true) }) },
);
type Step = { readonly text?: string; readonly input?: number; readonly output?: number; readonly finish?: boolean };

const usual: readonly Step[] = [{ text: 'hello there' }, { finish: true }, { input: 9, output: 4 }];
const told = fc.record({
  steps: fc.oneof(
    fc.array(step, { maxLength: 7 }),
    fc.array(step, { maxLength: 2 }).map((more) => [...usual, ...more]),
  ),
  isEnded: fc.boolean(),
  cut: fc.option(fc.nat(), { nil: undefined }),
  pieceBytes: fc.integer({ min: 1, max: 300 }),
  by: fc.constantFrom<'closes' | 'breaks' | 'caller leaves'>('closes', 'breaks', 'caller leaves'),
});

/** A stream as chat completions, completions or Anthropic's messages have it. */
const STREAMS: Readonly<Record<'chat' | 'completions' | 'messages', (steps: readonly Step[], isEnded: boolean) => string>> = {
  chat: (steps, isEnded) => chunksOf(steps, isEnded, (content) => ({ delta: { content } })),
  completions: (steps, isEnded) => chunksOf(steps, isEnded, (text) => ({ text })),
  messages: (steps, isEnded) =>
    [
      { type: 'message_start', message: { id: 'msg_1', usage: { input_tokens: 7, cache_read_input_tokens: 3, output_tokens: 1 } } },
      ...steps.flatMap(({ text, input, output, finish }) => [
        ...(text === undefined ? [] : [{ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }]),
        ...(output === undefined ? [] : [{ type: 'message_delta', delta: {}, usage: { input_tokens: input, output_tokens: output } }]),
        ...(finish === true ? [{ type: 'message_delta', delta: { stop_reason: 'end_turn' } }] : []),
      ]),
      ...(isEnded ? [{ type: 'message_stop' }] : []),
    ]
      .map((event) => sseText(JSON.stringify(event), event.type))
      .join(''),
};

function chunksOf(steps: readonly Step[], isEnded: boolean, choiceOf: (text: string) => object): string {
  const chunks = steps.map(({ text, input, output, finish }) => ({
    choices:
      text === undefined && finish !== true ? [] : [{ index: 0, ...choiceOf(text ?? ''), finish_reason: finish === true ? 'stop' : null }],
    usage: output === undefined ? null : { prompt_tokens: input, completion_tokens: output },
  }));
  return chunks.map((chunk) => sseText(JSON.stringify(chunk))).join('') + (isEnded ? sseText('[DONE]') : '');
}

const BROKEN: TransportFault = { kind: 'fault', fault: 'broken' };
const CANCELLED: TransportFault = { kind: 'fault', fault: 'cancelled' };

/** What the caller of a stream gets, and what it is charged, in nano-dollars with its request. */
async function served(surface: Surface, target: Target, pieces: readonly Uint8Array[], by: string, how: 'relayed' | 'passed') {
  const left = [...pieces];
  let copy: BodyCopy | undefined;
  const body = {
    read: () => Promise.resolve(left.shift() ?? (by === 'closes' ? undefined : by === 'breaks' ? BROKEN : CANCELLED)),
    cancel: () => undefined,
    pass: (_: Uint8Array, of: BodyCopy) => {
      copy = of;
      return {};
    },
  };
  const opened = { kind: 'opened' as const, status: 200, contentType: '', body, withoutSecret: (text: string) => text };
  const server = new PlanServer({
    dispatcher: { dispatch: () => Promise.resolve(ok({ target, opened, attempts: [], finish: () => undefined })) },
    transport: { open: () => expect.unreachable() },
    clock: { nowMs: () => NOW_MS },
    tokens: byteCounts,
  });
  const request = { model: 'small', messages: [{ role: 'user', content: 'x' }], prompt: 'x', max_tokens: OUTPUT_TOKENS_MAX, stream: true };
  const asked = { ...request, stream_options: { include_usage: true } };
  if (surface !== 'completions') delete (asked as { prompt?: string }).prompt;
  const call = {
    surface,
    body: asked,
    headers: {},
    requestId: 'req_1',
    principal: { tenantId: 't' },
    origin: { header: () => undefined },
    reserve: () => Promise.resolve(ok(undefined)),
  } as unknown as CompletionCall;
  const exchanges = new Exchanges({ surface, body: asked, headers: {}, nowMs: NOW_MS });
  const answered = await server.serve({ call, exchanges, plan: { groups: [[target]], reason: 'model' }, nowMs: NOW_MS });
  if (!answered.ok || answered.value.answer.kind !== 'stream') throw new Error('it is streamed');
  const { answer, settle } = answered.value;
  let sent = '';
  const send = (bytes: Uint8Array | undefined): void => void (sent += bytes === undefined ? '' : new TextDecoder().decode(bytes));
  const passed = how === 'passed' ? await answer.stream.pass?.({ first: undefined, onPiece: send }) : undefined;
  if (passed !== undefined && copy !== undefined) {
    for (let piece = left.shift(); piece !== undefined && !copy.isOver; piece = left.shift()) copy.take(piece);
    copy.end(copy.isOver || by === 'closes' ? undefined : by === 'breaks' ? BROKEN : CANCELLED);
  } else for (let piece = await answer.stream.next(); piece !== undefined; piece = await answer.stream.next()) send(piece);
  const settlement = settle(await answer.ended);
  return { sent, settlement, chargedUsd: usd(settlement.nano + requestNanoAt(NOW_MS)) };
}

/** What is charged as output: the last report, if nothing was generated after it and the answer is whole, and else at least what came. */
function outputOf(spoken: keyof typeof STREAMS, steps: readonly Step[], isEnded: boolean): number {
  let chars = 0;
  let reported: { readonly output: number; readonly chars: number } | undefined;
  let isWhole = isEnded;
  if (spoken === 'messages') reported = { output: 1, chars: 0 };
  for (const { text = '', output, finish } of steps) {
    chars += text.length;
    if (output !== undefined) reported = { output, chars };
    isWhole ||= finish === true || (spoken === 'messages' && output !== undefined);
  }
  const counted = reported !== undefined && isWhole && reported.chars === chars ? 0 : Math.round(chars / 4);
  return Math.min(Math.max(reported?.output ?? 0, counted), OUTPUT_TOKENS_MAX);
}

const OUTPUT_TOKENS_MAX = 50;

const isUsageAlone = (last: Step | undefined): boolean => last?.output !== undefined && last.text === undefined;

const costsIn = (text: string): string[] => [...text.matchAll(/"sluice":\{"cost_usd":"([\d.]+)"\}/g)].map(([, cost = '']) => cost);

it.each<[string, Surface, keyof typeof STREAMS, Partial<Target>]>([
  ['a chat', 'chat', 'chat', {}],
  ['a completion', 'completions', 'completions', {}],
  ['a chat that is translated', 'chat', 'messages', { protocol: 'anthropic' }],
  ["Anthropic's messages", 'messages', 'messages', { protocol: 'anthropic' }],
])('[U194] what the stream of %s is said to cost is what is charged for it, passed or relayed', async (_, surface, spoken, of) => {
  const target = targetOf({ ...of, model: { serves: ['chat', 'completions'], prices: PRICES } });
  let saidCosts = 0;
  await fc.assert(
    fc.asyncProperty(told, async ({ steps, isEnded, cut, pieceBytes, by }) => {
      const whole = utf8(STREAMS[spoken](steps, isEnded));
      const bytes = cut === undefined ? whole : whole.slice(0, cut % (whole.length + 1));
      const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_piece, at) =>
        bytes.slice(at * pieceBytes, (at + 1) * pieceBytes),
      );
      const relayed = await served(surface, target, pieces, by, 'relayed');
      const costs = costsIn(relayed.sent);
      expect(costs, 'it is said once at most').toEqual(costs.slice(0, 1).map(() => relayed.chargedUsd));
      if (cut === undefined) expect(relayed.settlement.outputTokens).toBe(outputOf(spoken, steps, isEnded));
      // As most upstreams report it: in the last event, alone.
      const isUsual = cut === undefined && isEnded && steps.some((one: Step) => one.finish === true) && isUsageAlone(steps.at(-1));
      if (isUsual && surface !== 'messages') expect(costs).toHaveLength(1);
      saidCosts += costs.length;
      // Of an event that has not ended the caller of a relay has nothing.
      if (!new TextDecoder().decode(bytes).endsWith('\n\n')) return;
      const passed = await served(surface, target, pieces, by, 'passed');
      expect(passed.settlement).toEqual(relayed.settlement);
    }),
    { seed: 194, numRuns: effort(250) },
  );
  if (surface !== 'messages') expect(saidCosts).toBeGreaterThan(20);
});
