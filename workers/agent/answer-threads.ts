import type { Worker } from 'node:worker_threads';

import { must } from '../../src/kernel/assert.ts';
import type { AnswerForm, Line, LineAnswer, LineAnswerer } from './answer-line.ts';

/** What a thread is asked. */
export interface ThreadCall {
  readonly call: number;
  /** Null stands for a line that was too long. */
  readonly lines: readonly (string | null)[];
  readonly id: string;
  readonly first: number;
  readonly form: AnswerForm;
}

export interface ThreadReply {
  readonly call: number;
  readonly answers: readonly LineAnswer[];
}

/** A thread that was started, and what is to be done once it has ended. */
export interface StartedThread {
  readonly worker: Worker;
  readonly onExit?: () => void;
}

interface Thread {
  readonly worker: Worker;
  readonly calls: Map<number, { resolve(answers: readonly LineAnswer[]): void; reject(reason: Error): void }>;
}

/** Threads that answer lines. One that ends fails its calls and is replaced at the next. */
export class AnswerThreads implements LineAnswerer {
  readonly callsMax: number;
  readonly #start: () => StartedThread;
  readonly #threads: (Thread | undefined)[];
  #calls = 0;

  constructor(threadCount: number, start: () => StartedThread) {
    this.#start = start;
    this.#threads = Array.from({ length: threadCount }, () => undefined);
    // One call more than threads, so that none waits for the next.
    this.callsMax = threadCount + 1;
  }

  answer(lines: readonly Line[], id: string, first: number, form: AnswerForm = 'job'): Promise<readonly LineAnswer[]> {
    const thread = this.#leastBusy();
    const call = this.#calls++;
    const sent: ThreadCall = { call, id, first, form, lines: lines.map((line) => (typeof line === 'string' ? line : null)) };
    return new Promise((resolve, reject) => {
      thread.calls.set(call, { resolve, reject });
      thread.worker.postMessage(sent, []);
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map(async (thread) => thread?.worker.terminate()));
  }

  /** One that is idle; else another one, as long as there may be more: starting one takes longer than a short job. */
  #leastBusy(): Thread {
    const running = this.#threads.filter((thread) => thread !== undefined).sort((a, b) => a.calls.size - b.calls.size);
    const absent = this.#threads.indexOf(undefined);
    if (absent >= 0 && running[0]?.calls.size !== 0) return (this.#threads[absent] = this.#started(absent));
    return must(running[0], 'there is a thread');
  }

  #started(at: number): Thread {
    const { worker, onExit } = this.#start();
    const thread: Thread = { worker, calls: new Map() };
    let reason: Error | undefined;
    worker.on('message', (reply: ThreadReply) => {
      thread.calls.get(reply.call)?.resolve(reply.answers);
      thread.calls.delete(reply.call);
    });
    worker.on('error', (error) => (reason = error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => {
      onExit?.();
      if (this.#threads[at] === thread) this.#threads[at] = undefined;
      for (const call of thread.calls.values()) call.reject(reason ?? new Error('the thread has ended'));
    });
    // An agent that has nothing else to do may end.
    worker.unref();
    return thread;
  }
}
