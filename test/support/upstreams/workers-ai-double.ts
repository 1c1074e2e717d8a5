import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import type { WorkersAi } from '../../../workers/gateway/adapters/upstreams/workers-ai.ts';

/**
 * Workers AI as its documentation and the platform's types have it: `response` and `usage` of texts, `shape` and `data` of embeddings, events with
 * pieces of `response` of streams, and errors that begin with their number.
 */
export class WorkersAiDouble implements WorkersAi {
  readonly asked: { readonly model: string; readonly inputs: JsonObject }[] = [];
  texts: readonly string[] = ['Hel', 'lo'];
  toolCalls: readonly JsonObject[] = [];
  error: string | undefined;
  hangs = false;

  async run(model: string, inputs: JsonObject, { signal }: Parameters<WorkersAi['run']>[2]): Promise<Response> {
    this.asked.push({ model, inputs });
    if (this.error !== undefined) throw new Error(this.error);
    if (this.hangs) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    const { text } = inputs;
    if (Array.isArray(text)) return Response.json({ shape: [text.length, 2], data: text.map((one: string) => [one.length, 0.5]) });
    const usage = { prompt_tokens: 7, completion_tokens: this.texts.length, total_tokens: 7 + this.texts.length };
    const calls = this.toolCalls.length === 0 ? {} : { tool_calls: this.toolCalls };
    if (inputs['stream'] !== true) return Response.json({ response: this.texts.join(''), ...calls, usage });
    const events = [...this.texts.map((response) => ({ response, p: 'abc' })), { response: '', ...calls, usage }];
    const stream = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('') + 'data: [DONE]\n\n';
    return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
  }
}
