/**
 * Lets asynchronous work through one at a time, in order of arrival. Work that fails does not hold up the next.
 * For Durable Objects, all calls of which have one I/O context: requests of a Worker must not wait for each other so (SW1).
 */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  pass<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
