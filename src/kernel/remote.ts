/** The methods of an object as callers elsewhere see them: what it answers, they wait for. */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

/**
 * A port whose every call finds its target anew, as a stub belongs to the request that made it. `around` may bound a call, refuse it, or do
 * more once it has been answered.
 */
export function portTo<Port extends object>(
  target: () => Port,
  around: (call: () => Promise<unknown>, method: keyof Port) => Promise<unknown> = (call) => call(),
): Port {
  const methods = () => target() as Readonly<Record<PropertyKey, (...args: unknown[]) => Promise<unknown>>>;
  return new Proxy({} as Port, {
    get: (_, method) => {
      // A port is no promise: a function that answers one hands it on.
      if (method === 'then') return undefined;
      return (...args: unknown[]) => around(async () => methods()[method]?.(...args), method as keyof Port);
    },
  });
}
