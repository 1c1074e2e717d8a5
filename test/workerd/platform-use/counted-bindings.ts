import { current } from './invocation.ts';
import { messageBytes } from './message-bytes.ts';

type Callable = (...args: unknown[]) => unknown;

/** The bindings of a Worker, so that each call through them is counted and its messages are measured. */
export const countedBindings = <Env extends object>(env: Env): Env =>
  Object.fromEntries(Object.entries(env).map(([name, binding]) => [name, countedBinding(name, binding)])) as Env;

/** By the name of the class: a binding of a service answers to every name of a method. */
function countedBinding(name: string, binding: unknown): unknown {
  if (typeof binding !== 'object' || binding === null) return binding;
  const kind = (Object.getPrototypeOf(binding) as { constructor?: { name: string } } | null)?.constructor?.name;
  if (kind === 'DurableObjectNamespace') return countedNamespace(name, binding);
  if (kind === 'R2Bucket') return countedBucket(name, binding);
  return countedStub(binding, name, (method) => {
    current().count(name);
    if (method !== 'fetch' || name !== 'ASSETS') current().use.services += 1;
  });
}

/** As `object`, but for what `replaced` makes of its methods. */
function replacing<T extends object>(object: T, replaced: (method: Callable, name: string) => Callable): T {
  return new Proxy(object, {
    get: (of, name) => {
      const value: unknown = Reflect.get(of, name, of);
      if (typeof value !== 'function' || name === 'then') return value;
      const method: Callable = (...args) => Reflect.apply(value, of, args);
      return typeof name === 'symbol' ? method : replaced(method, name);
    },
  });
}

const GETTERS = new Set(['get', 'getByName', 'getExisting']);

function countedNamespace<T extends object>(binding: string, namespace: T): T {
  return replacing(namespace, (method, name) => {
    if (!GETTERS.has(name)) return method;
    return (...args) => {
      const stub = method(...args) as { readonly id: DurableObjectId };
      const object = `${binding} ${stub.id.toString()}`;
      return countedStub(stub, binding, () => current().count(binding, object));
    };
  });
}

/** `counted` receives each call. */
function countedStub<T extends object>(stub: T, binding: string, counted: (method: string) => void): T {
  return replacing(stub, (method, name) => (...args) => {
    counted(name);
    // What a request or an answer over HTTP brings is a stream.
    if (name === 'fetch') return method(...args);
    return measured(`${binding}.${name}`, method, args);
  });
}

async function measured(what: string, method: Callable, args: unknown[]): Promise<unknown> {
  const invocation = current();
  invocation.carried(what, messageBytes(args));
  const result = await method(...args);
  invocation.carried(`${what}, its result`, messageBytes(result));
  return (result as object | null | undefined)?.constructor?.name === 'RpcStub' ? countedSession(what, result as object) : result;
}

const countedSession = (what: string, session: object): object =>
  replacing(session, (method, name) => (...args) => {
    current().use.sessionCalls += 1;
    return measured(`${what}.${name}`, method, args);
  });

function countedBucket<T extends object>(binding: string, bucket: T): T {
  return replacing(bucket, (method, name) => (...args) => {
    // It asks nothing.
    if (name === 'resumeMultipartUpload') return countedBucket(binding, method(...args) as object);
    return current().waitFor(binding, async () => {
      const result = await method(...args);
      return name === 'createMultipartUpload' ? countedBucket(binding, result as object) : result;
    });
  });
}

/** From now on what this isolate asks of the Internet is counted. */
export function countFetches(): void {
  const asked = globalThis.fetch;
  globalThis.fetch = (...args: Parameters<typeof fetch>) => current().waitFor('fetch', () => asked(...args));
}
