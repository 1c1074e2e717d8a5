import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { describe, expect, it } from 'vitest';

import { AnswerThreads } from '../../../workers/agent/answer-threads.ts';
import type { StartedThread, ThreadCall } from '../../../workers/agent/answer-threads.ts';
import { threadsFor } from '../../../workers/agent/registered-threads.ts';

/** A thread that answers when a test says so. */
class HeldThread extends EventEmitter {
  readonly calls: ThreadCall[] = [];
  isEnded = false;
  postMessage(call: ThreadCall): void {
    this.calls.push(call);
  }
  answerAll(): void {
    for (const { call, lines } of this.calls.splice(0))
      this.emit('message', { call, answers: lines.map(() => ({ json: '{}', tokens: 1, failed: false })) });
  }
  unref(): void {}
  async terminate(): Promise<number> {
    this.isEnded = true;
    this.emit('exit', 1);
    return 1;
  }
}

function world(threadCount: number) {
  const started: { readonly thread: HeldThread; settle(isReady: boolean): void }[] = [];
  const threads = new AnswerThreads(threadCount, (): StartedThread => {
    const thread = new HeldThread();
    const worker = thread as unknown as Worker;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    started.push({ thread, settle: resolve });
    return started.length === 1 ? { worker } : { worker, ready: promise };
  });
  return { started, ask: () => threads.answer(['a'], 'id', 0), held: () => started.map(({ thread }) => thread.calls.length) };
}

describe('[P130] threads of a registered model', () => {
  it('are as many as cores, at most, and as there is room for copies of it', () => {
    expect([threadsFor(4, 100), threadsFor(64, 100), threadsFor(4, 2), threadsFor(4, 0), threadsFor(1, 9)]).toEqual([4, 8, 2, 1, 1]);
  });

  it('come with the load, and take calls once they are ready', async () => {
    const { started, ask, held } = world(2);
    const calls = [ask(), ask(), ask()];
    expect(held(), 'one is there, another loads').toEqual([3, 0]);
    started[1]?.settle(true);
    await Promise.resolve();
    calls.push(ask());
    expect(held()).toEqual([3, 1]);
    for (const { thread } of started) thread.answerAll();
    await Promise.all(calls);
    calls.push(ask());
    expect(held(), 'an idle one, whichever').toEqual([1, 0]);
    started[0]?.thread.answerAll();
    await Promise.all(calls);
  });

  it('that cannot get ready are not started again, and fail no call', async () => {
    const { started, ask, held } = world(3);
    const calls = [ask(), ask()];
    started[1]?.settle(false);
    await Promise.resolve();
    await Promise.resolve();
    expect(started[1]?.thread.isEnded).toBe(true);
    calls.push(ask(), ask());
    expect([started.length, held()], 'a third was tried, and no fourth').toEqual([3, [4, 0, 0]]);
    started[2]?.settle(false);
    await Promise.resolve();
    await Promise.resolve();
    calls.push(ask());
    expect(started).toHaveLength(3);
    started[0]?.thread.answerAll();
    expect((await Promise.all(calls)).flat()).toHaveLength(5);
  });
});
