import { AsyncLocalStorage } from 'node:async_hooks';

import type { NamedUse, PlatformUse } from './platform-use.ts';
import { mostOf, NO_USE } from './platform-use.ts';

/** One call of a Worker or an object, or one alarm, and what it has used so far. */
export class Invocation {
  readonly name: string;
  readonly use: PlatformUse = { ...NO_USE };
  message = '';
  statement = '';
  /** Subrequests, by binding. */
  readonly calls: Record<string, number> = {};
  readonly #objects = new Map<string, number>();
  #waiting = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** A subrequest; `object`: the one that is called. */
  count(binding: string, object?: string): void {
    this.use.subrequests += 1;
    this.calls[binding] = (this.calls[binding] ?? 0) + 1;
    if (object === undefined) return;
    const calls = (this.#objects.get(object) ?? 0) + 1;
    this.#objects.set(object, calls);
    this.use.sameObject = Math.max(this.use.sameObject, calls);
  }

  /** A subrequest that takes one of the connections of the invocation until its headers are there. */
  async waitFor<T>(binding: string, work: () => Promise<T>): Promise<T> {
    this.count(binding);
    this.#waiting += 1;
    this.use.waiting = Math.max(this.use.waiting, this.#waiting);
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
    }
  }

  carried(what: string, bytes: number): void {
    if (bytes <= this.use.messageBytes) return;
    this.use.messageBytes = bytes;
    this.message = what;
  }

  /** A value of a statement, or one under a key. */
  stored(statement: string, bytes: number): void {
    if (bytes <= this.use.valueBytes) return;
    this.use.valueBytes = bytes;
    this.statement = statement.replaceAll(/\s+/g, ' ').slice(0, 100);
  }
}

const storage = new AsyncLocalStorage<Invocation>();
let invocations: Invocation[] = [];
/** The callbacks of streams do not know whose they are: together they count as one invocation, which uses no less than each. */
let unknown: Invocation | undefined;

export const current = (): Invocation => storage.getStore() ?? (unknown ??= begun('unknown'));

/** Does `work` as an invocation of that name, unless it is a part of one: objects call their own methods, too. */
export function invoke<T>(name: string, work: () => T): T {
  return storage.getStore() === undefined ? storage.run(begun(name), work) : work();
}

function begun(name: string): Invocation {
  const invocation = new Invocation(name);
  invocations.push(invocation);
  return invocation;
}

export function forget(): void {
  invocations = [];
  unknown = undefined;
}

/** All invocations since the last `forget`, by their names. */
export function usesByName(): NamedUse[] {
  const uses = new Map<string, NamedUse>();
  for (const { name, use, calls, message, statement } of invocations) {
    const before = uses.get(name) ?? { name, invocations: 0, most: NO_USE, calls: {}, message: '', statement: '' };
    uses.set(name, {
      name,
      invocations: before.invocations + 1,
      most: mostOf(before.most, use),
      calls: { ...before.calls, ...Object.fromEntries(Object.entries(calls).map(([to, n]) => [to, Math.max(n, before.calls[to] ?? 0)])) },
      message: use.messageBytes > before.most.messageBytes ? message : before.message,
      statement: use.valueBytes > before.most.valueBytes ? statement : before.statement,
    });
  }
  return [...uses.values()];
}
