import { DurableObject } from 'cloudflare:workers';

interface Env {
  readonly FLOOR: DurableObjectNamespace<FloorObject>;
}

const ANSWER = Array.from({ length: 10 }, (_, rank) => ({ id: String(rank), score: 1 - rank / 100 }));

/** Answers a vector without looking at it. */
export class FloorObject extends DurableObject<Env> {
  query(vector: Float32Array): { readonly id: string; readonly score: number }[] {
    return vector.length > 0 ? ANSWER : [];
  }
}

/** The least that any gateway does: HTTP, as many floats parsed, one call of an object, ten matches written. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method === 'GET') return new Response('ok');
    const { vector } = await request.json<{ vector: number[] }>();
    const matches = await env.FLOOR.getByName('floor').query(new Float32Array(vector));
    return Response.json({ matches });
  },
};
