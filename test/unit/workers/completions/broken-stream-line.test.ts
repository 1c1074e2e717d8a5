import { afterEach, expect, it, vi } from 'vitest';

import type { Completed } from '../../../../src/gateway/completions/completion-call.ts';
import type { CompletionEnd } from '../../../../src/gateway/completions/answer-pieces.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { completionHandlers } from '../../../../workers/gateway/routes/completions/completions.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const SETTLEMENT = { inputTokens: 1, cachedTokens: 0, outputTokens: 0, nano: 1, usage: 'counted', isCapped: false } as const;

afterEach(() => void vi.restoreAllMocks());

/** The lines that are logged of a stream that ends so, and the codes that are counted. */
async function linesOf(end: CompletionEnd['end']) {
  const lines: unknown[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(JSON.parse(line)));
  const counted: unknown[] = [];
  const target = targetOf();
  const completed: Completed = {
    target,
    plan: { groups: [[target]], reason: 'default' },
    attempts: [],
    settle: () => SETTLEMENT,
    answer: {
      kind: 'stream',
      stream: { next: () => Promise.resolve(undefined), cancel: () => undefined },
      ended: Promise.resolve({ target, usage: undefined, textBytes: 0, end }),
    },
  };
  const logged = {
    prompted: vi.fn<(...args: unknown[]) => void>(),
    answered: vi.fn<(...args: unknown[]) => void>(),
    ended: vi.fn<(...args: unknown[]) => void>(),
    settled: vi.fn<(...args: unknown[]) => void>(),
  };
  const later: Promise<unknown>[] = [];
  const gateway = {
    logCall: () => logged,
    completions: { complete: () => Promise.resolve(ok(completed)) },
    metrics: { count: (_: string, labels: { code?: string }) => void (labels.code !== undefined && counted.push(labels.code)) },
    clock: { nowMs: () => 0 },
  };
  const call = {
    gateway,
    principal: principal('tn_one'),
    body: { model: 'm', stream: true },
    request: new Request('https://a.example/'),
    requestId: 'req_1',
    timing: { note: vi.fn<(...args: unknown[]) => void>() },
    options: {},
    reserve: () => Promise.resolve(ok(undefined)),
    waitUntil: (work: Promise<unknown>) => void later.push(work),
  };
  const answered = await completionHandlers.createMessage(call as unknown as Parameters<typeof completionHandlers.createMessage>[0]);
  if (!answered.ok || !('settlesLater' in answered)) return expect.unreachable();
  answered.settlesLater(() => 1);
  await Promise.all(later);
  return { lines, counted, ended: logged.ended.mock.calls[0]?.[0] };
}

it('[U192] a stream that breaks off has a second line in the access log, and one that does not has none', async () => {
  const broken = await linesOf({ kind: 'fault', fault: 'broken' });
  expect(broken.lines).toEqual([
    { level: 'warn', request_id: 'req_1', status: 502, code: 'upstream_failed', message: 'the stream broke off' },
  ]);
  expect([broken.counted, broken.ended]).toMatchObject([['upstream_failed'], { status: 502, code: 'upstream_failed' }]);
  for (const end of ['whole', 'cancelled'] as const)
    expect(await linesOf(end)).toMatchObject({ lines: [], counted: [], ended: { status: 200 } });
});
