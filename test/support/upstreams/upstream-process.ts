import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as waited } from 'node:timers/promises';

import type { Body, MockAnswer } from './answer.ts';
import { textOf } from './answer.ts';
import { ANTHROPIC_ANSWERS, anthropicError } from './anthropic-double.ts';
import { OPENAI_ANSWERS, openaiError } from './openai-double.ts';
import { asksEvents, formOf, MEDIA_ANSWERS, TAKES_FORM } from './media-double.ts';
import type { Script, Served, Truth } from './script.ts';
import { scriptIn } from './script.ts';

// A mock upstream as a process of its own: `PORT` (0: any free one) in its environment, its port in a message to its parent.

/** Of which the requests are kept whole. */
const LATEST_COUNT = 200;

const scripts: { always: Script; next: Script[] } = { always: {}, next: [] };
const gates = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>();
let latest: Served[] = [];
const NOTHING = { requests: 0, whole: 0, aborted: 0, died: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0 };
let totals = { ...NOTHING };

const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
  void answer(request, response).catch((error: unknown) => {
    if (!response.headersSent) response.writeHead(500);
    response.end(String(error));
  });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://mock').pathname;
  const bytes = await bodyOf(request);
  if (path.startsWith('/mock/')) return control(path, bytes.toString(), response);
  if (path === '/v1/models')
    return json(response, 200, { object: 'list', data: [{ id: 'mock', object: 'model', created: 0, owned_by: 'mock' }] });
  const write = OPENAI_ANSWERS[path] ?? ANTHROPIC_ANSWERS[path] ?? MEDIA_ANSWERS[path];
  if (write === undefined) return json(response, 404, openaiError(404, `no route ${path}`));
  const type = request.headers['content-type'] ?? '';
  if (TAKES_FORM.has(path) !== type.startsWith('multipart/form-data'))
    return json(response, 400, openaiError(400, `Invalid Content-Type: ${type}`));
  const body = TAKES_FORM.has(path) ? await formOf(type, bytes) : (JSON.parse(bytes.toString()) as Body);
  const script = scriptIn(textOf(body)) ?? scripts.next.shift() ?? scripts.always;
  const served = recorded(request, path, body);
  response.once('close', () => close(served, response.writableFinished ? 'whole' : 'aborted'));
  await play(response, script, served, write(body, script), path in ANTHROPIC_ANSWERS ? anthropicError : openaiError);
}

function recorded(request: IncomingMessage, path: string, body: Body): Served {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const served: Served = {
    path,
    model: String(body['model']),
    isStream: asksEvents(body),
    headers,
    body,
    status: 200,
    inputTokens: 0,
    cachedTokens: 0,
    outputTokens: 0,
    reportedUsage: false,
    end: 'open',
  };
  totals.requests++;
  latest = [...latest.slice(1 - LATEST_COUNT), served];
  return served;
}

function close(served: Served, end: 'whole' | 'aborted' | 'died'): void {
  if (served.end !== 'open') return;
  served.end = end;
  totals[end]++;
  totals.inputTokens += served.inputTokens;
  totals.cachedTokens += served.cachedTokens;
  totals.outputTokens += served.outputTokens;
}

type ErrorShape = typeof openaiError | typeof anthropicError;

async function play(response: ServerResponse, script: Script, served: Served, made: MockAnswer, errorOf: ErrorShape): Promise<void> {
  if (script.headDelayMs !== undefined) await waited(script.headDelayMs);
  if (script.hang === 'head') return;
  if (script.status !== undefined && script.status >= 300) {
    served.status = script.status;
    return json(response, script.status, errorOf(script.status, script.message ?? 'as the script says', script.error), script.headers);
  }
  if (made.refused !== undefined) {
    served.status = 400;
    const { error } = openaiError(400, made.refused.message);
    return json(response, 400, { error: { ...error, param: made.refused.param, code: 'invalid_value' } });
  }
  served.inputTokens = made.inputTokens;
  served.cachedTokens = made.cachedTokens;
  if (served.isStream) return stream(response, script, served, made);
  if (script.hang !== undefined || script.dieAfterTokens !== undefined) {
    response.writeHead(200, { 'content-type': 'application/json', ...script.headers }).write('{"id":');
    if (script.dieAfterTokens !== undefined) die(response, served);
    return;
  }
  if (script.garbage !== undefined)
    return void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>not found</html>');
  if (script.hold !== undefined) await gate(script.hold.gate).opened;
  served.outputTokens = made.outputTokens;
  served.reportedUsage = made.reportsUsage;
  if (made.raw === undefined) return json(response, 200, made.json, script.headers);
  response.writeHead(200, { 'content-type': made.raw.contentType, ...script.headers }).end(made.raw.bytes);
}

async function stream(response: ServerResponse, script: Script, served: Served, made: MockAnswer): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', ...script.headers });
  response.flushHeaders();
  const write = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    const pieceBytes = script.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length && !response.destroyed; at += pieceBytes) {
      const hasRoom = response.write(bytes.subarray(at, at + pieceBytes));
      if (!hasRoom) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      // Each piece goes out as it is.
      if (script.pieceBytes !== undefined) await new Promise((resolve) => void setImmediate(resolve));
    }
  };
  if (script.garbage === true) return void response.end('<html>not found</html>');
  for (let sent = 0; ; sent++) {
    if (await breaksOff(response, script, served, sent)) return;
    if (sent === 0) {
      if (script.firstTokenDelayMs !== undefined) await waited(script.firstTokenDelayMs);
      await write(made.lead.join(''));
    } else if (script.tokenDelayMs !== undefined) await waited(script.tokenDelayMs);
    const token = made.tokens[sent];
    if (token === undefined || response.destroyed) break;
    served.outputTokens++;
    await write(token);
  }
  if (!response.destroyed) await endStream(response, script, served, made, write);
}

/** Whether the stream ends here, as its script says, before its end. */
async function breaksOff(response: ServerResponse, script: Script, served: Served, sent: number): Promise<boolean> {
  if (response.destroyed || script.hang === sent) return true;
  if (script.hold?.afterTokens === sent) await gate(script.hold.gate).opened;
  if (script.dieAfterTokens === sent) die(response, served);
  else if (script.failAfterTokens === sent) response.end('data: {"error":{"message":"overloaded"}}\n\n');
  else if (script.garbage === sent) response.end('data: {"choices": [{]}\n\nnonsense\n\n');
  else return false;
  return true;
}

async function endStream(
  response: ServerResponse,
  { pieceBytes, stays }: Script,
  served: Served,
  made: MockAnswer,
  write: (text: string) => Promise<void>,
): Promise<void> {
  served.outputTokens = made.outputTokens;
  served.reportedUsage = made.reportsUsage;
  const tail = made.tail.join('');
  if (pieceBytes === undefined && stays === undefined) return void response.end(tail);
  await write(tail);
  if (stays === undefined) response.end();
}

function die(response: ServerResponse, served: Served): void {
  close(served, 'died');
  // What was written goes out first.
  setImmediate(() => response.socket?.destroy());
}

function gate(name: string) {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const known = gates.get(name) ?? { opened, open };
  gates.set(name, known);
  return known;
}

function control(path: string, text: string, response: ServerResponse): void {
  const body = text === '' ? {} : (JSON.parse(text) as { always?: Script; next?: Script[]; gate?: string });
  if (path === '/mock/script') {
    scripts.always = body.always ?? scripts.always;
    scripts.next = [...(body.next ?? [])];
  } else if (path === '/mock/open') gate(body.gate ?? '').open();
  else if (path === '/mock/reset') {
    [scripts.always, scripts.next, latest, totals] = [{}, [], [], { ...NOTHING }];
    gates.clear();
  }
  const { requests, whole, aborted, died } = totals;
  const truth: Truth = { ...totals, open: requests - whole - aborted - died, latest };
  json(response, 200, truth);
}

function json(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));
