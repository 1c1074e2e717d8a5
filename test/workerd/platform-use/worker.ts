import { countedBindings, countFetches } from './counted-bindings.ts';
import { countStorage } from './counted-storage.ts';
import { forget, invoke, usesByName } from './invocation.ts';
import type { NamedUse } from './platform-use.ts';
import { USE_PATH } from './platform-use.ts';

// Stands before the bundle of a Worker: `index.js` of a counting Worker exports what this makes of what the bundle exports.

type Fetch = (request: Request, env: object, context: ExecutionContext) => Promise<Response>;
/** Objects have a storage, entry points have none. */
interface Context {
  readonly storage?: DurableObjectStorage;
}
type Constructor = new (ctx: Context, env: object) => object;
type Callable = (...args: unknown[]) => unknown;

countFetches();

const known = new WeakMap<object, object>();

function bindingsOf(env: object): object {
  const counted = known.get(env) ?? countedBindings(env);
  known.set(env, counted);
  return counted;
}

/** What this isolate has used, on requests of the gateway's. */
function answer(request: Request): Response {
  if (request.method === 'DELETE') forget();
  return Response.json(usesByName());
}

const isAsked = (request: unknown): request is Request => request instanceof Request && new URL(request.url).pathname === USE_PATH;

interface Reachable {
  readonly DIRECTORY: DurableObjectNamespace;
  readonly AGGREGATOR: Fetcher;
  readonly INFERENCE: Fetcher;
}

/** What all Workers have used. */
async function askAll(request: Request, env: Reachable): Promise<Response> {
  const others = [env.DIRECTORY.get(env.DIRECTORY.idFromName('directory')), env.AGGREGATOR, env.INFERENCE];
  const lists = await Promise.all(others.map(async (other) => (await other.fetch(new Request(request))).json<NamedUse[]>()));
  return Response.json([...(await answer(request).json<NamedUse[]>()), ...lists.flat()]);
}

/** The handler of the gateway. */
export const countedHandler = ({ fetch }: { fetch: Fetch }): { fetch: Fetch } => ({
  fetch: (request, env, context) => {
    const { pathname } = new URL(request.url);
    if (pathname === USE_PATH) return askAll(request, env as Reachable);
    return invoke(`gateway ${request.method} ${pathname}`, () => fetch(request, bindingsOf(env), context));
  },
});

/** A class of objects or of an entry point. */
export function countedClass(name: string, served: Constructor): Constructor {
  const counted = class extends served {
    constructor(ctx: Context, env: object) {
      if (ctx.storage !== undefined) countStorage(ctx.storage);
      super(ctx, bindingsOf(env));
    }
  };
  for (const method of ['fetch', ...methodsOf(served.prototype as object)]) {
    const inherited = (served.prototype as Record<string, Callable | undefined>)[method];
    const value = function asked(this: object, ...args: unknown[]): unknown {
      if (method === 'fetch' && isAsked(args[0])) return answer(args[0]);
      return invoke(`${name}.${method}`, () => inherited && Reflect.apply(inherited, this, args));
    };
    Object.defineProperty(counted.prototype, method, { value, configurable: true, writable: true });
  }
  return counted;
}

function methodsOf(prototype: object): string[] {
  const names = new Set<string>();
  for (let at = prototype; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name);
  }
  return [...names];
}
