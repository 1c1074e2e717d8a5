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
  /** Whether it can answer, once it has loaded what it needs. Absent: it can at once. */
  readonly ready?: Promise<boolean>;
}

interface Thread {
  readonly worker: Worker;
  isReady: boolean;
  readonly calls: Map<number, { resolve(answers: readonly LineAnswer[]): void; reject(reason: Error): void }>;
}

/**
 * Threads that answer lines. One that ends fails its calls and is replaced at the next; one that could not get ready is not, as the others have
 * taken what it lacks.
 */
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

  /**
   * One that is idle; else another one, as long as there may be more: starting one takes longer than a short job. Until that is ready, those that
   * are go on.
   */
  #leastBusy(): Thread {
    const idlest = this.#idlest();
    const absent = this.#threads.indexOf(undefined);
    if (absent < 0 || idlest?.calls.size === 0) return must(idlest, 'there is a thread');
    const started = (this.#threads[absent] = this.#started());
    return started.isReady || idlest === undefined ? started : idlest;
  }

  /** Of those that are ready, or of all where none is. */
  #idlest(): Thread | undefined {
    const running = this.#threads.filter((thread) => thread !== undefined);
    const ready = running.filter(({ isReady }) => isReady);
    return (ready.length > 0 ? ready : running).toSorted((a, b) => a.calls.size - b.calls.size)[0];
  }

  #started(): Thread {
    const { worker, onExit, ready } = this.#start();
    const thread: Thread = { worker, isReady: ready === undefined, calls: new Map() };
    let isUnfit = false;
    const settle = async (): Promise<void> => {
      thread.isReady = (await ready) ?? true;
      isUnfit = !thread.isReady;
      if (isUnfit) await worker.terminate();
    };
    if (ready !== undefined) void settle();
    let reason: Error | undefined;
    worker.on('message', (reply: ThreadReply) => {
      thread.calls.get(reply.call)?.resolve(reply.answers);
      thread.calls.delete(reply.call);
    });
    worker.on('error', (error) => (reason = error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => {
      onExit?.();
      const place = this.#threads.indexOf(thread);
      if (place >= 0 && isUnfit && this.#threads.length > 1) this.#threads.splice(place, 1);
      else if (place >= 0) this.#threads[place] = undefined;
      for (const call of thread.calls.values()) call.reject(reason ?? new Error('the thread has ended'));
    });
    // An agent that has nothing else to do may end.
    worker.unref();
    return thread;
  }
}
