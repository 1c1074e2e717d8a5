import { Heap } from '../../../src/kernel/heap.ts';

/** So often those are woken whose time has come. */
const TICK_MS = 5;

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/**
 * Sleep for thousands of stub agents in one request of a Worker. Of the timers of a request workerd runs one a turn of its event loop, among all
 * messages: with a timer each, the agents would be late by what the others do, which agents on machines of their own are not. Here one timer
 * wakes all that are due.
 */
export function sharedSleep(): (ms: number) => Promise<void> {
  const sleepers = new Heap<Sleeper>((a, b) => a.dueMs - b.dueMs);
  let isTicking = false;
  const tick = async (): Promise<void> => {
    isTicking = true;
    while (sleepers.first !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      const nowMs = Date.now();
      while ((sleepers.first?.dueMs ?? Infinity) <= nowMs) sleepers.pop()?.wake();
    }
    isTicking = false;
  };
  return (ms) =>
    new Promise((wake) => {
      sleepers.push({ dueMs: Date.now() + ms, wake });
      if (!isTicking) void tick();
    });
}
