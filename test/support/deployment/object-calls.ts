/** One call of a Durable Object. */
export interface ObjectCall {
  readonly binding: string;
  /** The name of the object. */
  readonly name: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Calls Durable Objects of a deployment by a Worker that runs beside it, `test/workerd/object-calls`. Arguments and results go as JSON. */
export class ObjectCalls {
  readonly #url: string;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** The type of the stub is the caller's claim. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it saves each caller a cast
  stubOf<T extends object>(binding: string, name: string): T {
    const call = async (method: string, args: readonly unknown[]): Promise<unknown> => {
      const response = await fetch(this.#url, {
        method: 'POST',
        body: JSON.stringify({ binding, name, method, args } satisfies ObjectCall),
      });
      if (!response.ok) throw new Error(`${binding}.${method} failed: ${await response.text()}`);
      return response.json();
    };
    // A promise that resolves to the stub must not take it for another promise.
    const get = (_: object, method: string) => (method === 'then' ? undefined : (...args: unknown[]) => call(method, args));
    return new Proxy({}, { get }) as T;
  }
}
