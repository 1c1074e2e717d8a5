import type { ObjectCall } from '../../support/deployment/object-calls.ts';

type Stub = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Calls Durable Objects of a deployment for tests, which see only HTTP. */
export default {
  async fetch(request: Request, env: Record<string, DurableObjectNamespace>): Promise<Response> {
    const { binding, name, method, args } = await request.json<ObjectCall>();
    const namespace = env[binding];
    const stub = namespace?.get(namespace.idFromName(name)) as unknown as Stub | undefined;
    return Response.json((await stub?.[method]?.(...args)) ?? null);
  },
};
