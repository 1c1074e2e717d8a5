import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';

import type { Built, Request, SearchDone, SearchTask } from './contender-child.ts';
import type { Setting } from './contender.ts';
import type { SetPlace } from './vector-set.ts';

type Reply<T> = { readonly result: T } | { readonly error: string };

/** The bench's connection to a contender. A contender that has failed takes no further part in the run. */
export class ContenderProcess {
  readonly name: string;
  readonly #child: ChildProcess;

  constructor(name: string) {
    this.name = name;
    this.#child = fork(new URL('contender-child.ts', import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  }

  open(place: SetPlace): Promise<Built & { settings: Record<number, readonly Setting[]> }> {
    return this.#ask({ kind: 'open', name: this.name, place });
  }

  search(task: SearchTask): Promise<SearchDone> {
    return this.#ask({ kind: 'search', ...task });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #ask<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        this.#child.off('message', answered);
        this.#child.off('exit', exited);
        outcome();
      };
      const answered = (reply: Reply<T>): void =>
        settle(() => ('error' in reply ? reject(new Error(`${this.name}: ${reply.error}`)) : resolve(reply.result)));
      const exited = (code: number | null, signal: string | null): void =>
        settle(() => reject(new Error(`${this.name} ended with ${signal ?? code}`)));
      this.#child.on('message', answered);
      this.#child.on('exit', exited);
      this.#child.send(request);
    });
  }
}
