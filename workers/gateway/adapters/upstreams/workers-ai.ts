import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import type { AnswerFrame } from '../../../../src/upstreams/protocol/workers-ai.ts';
import { workersAiAnswer, workersAiInput, workersAiStatus, WorkersAiStream } from '../../../../src/upstreams/protocol/workers-ai.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import type { UpstreamRequest } from '../../../../src/upstreams/transport.ts';

/** What of the platform's `Ai` binding is called here. */
export interface WorkersAi {
  run(
    model: string,
    inputs: JsonObject,
    options: { readonly returnRawResponse: true; readonly signal: AbortSignal; readonly extraHeaders?: object },
  ): Promise<Response>;
}

/** One call of a model of Workers AI, answered as a server of OpenAI's API would answer it. [U45] */
export async function callWorkersAi(ai: WorkersAi, { model }: Target, request: UpstreamRequest, signal: AbortSignal): Promise<Response> {
  const body = JSON.parse(request.body) as JsonObject;
  const input = workersAiInput(request.path, body);
  if (input === undefined) return failure(400, 'models of Workers AI answer chats, and embeddings of texts');
  const frame: AnswerFrame = {
    id: `chatcmpl-${crypto.randomUUID()}`,
    model: model.name,
    createdS: Math.floor(Date.now() / 1_000),
    outputTokensMax: input['max_tokens'],
  };
  let raw: Response;
  try {
    raw = await ai.run(model.upstreamName, input, { returnRawResponse: true, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return failure(workersAiStatus(message), message);
  }
  if (!raw.ok) return raw;
  if (request.streams && raw.body !== null)
    return new Response(translated(raw.body, new WorkersAiStream(frame)), { headers: { 'content-type': 'text/event-stream' } });
  return Response.json(workersAiAnswer(body, JSON.parse(await raw.text()) as JsonObject, frame));
}

const failure = (status: number, message: string): Response => Response.json({ error: { message, type: 'upstream_error' } }, { status });

/** Bytes as they come, so that the reader of answers can take them. */
function translated(body: ReadableStream<Uint8Array>, stream: WorkersAiStream): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    type: 'bytes',
    async pull(controller: ReadableByteStreamController) {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          // A read that waits with a buffer of its own is answered by this alone.
          controller.byobRequest?.respond(0);
          return;
        }
        const piece = stream.push(value);
        if (piece.length === 0) continue;
        controller.enqueue(piece.slice());
        return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
