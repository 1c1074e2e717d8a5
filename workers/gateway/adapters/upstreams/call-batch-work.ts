import { completionEndpoints } from '../../../../src/contract/completions/completions.ts';
import { completionHandlers } from '../../routes/completions/completions.ts';
import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { isRetryable, statusOf, wireError } from '../../../../src/contract/api/errors.ts';
import { anthropicError } from '../../../../src/contract/api/surface.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { CallBatchWork } from '../../../../src/gateway/batches/call-batch-work.ts';
import { BoundedContent } from '../../../../src/gateway/files/bounded-content.ts';
import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import { mayTouchModels } from '../../../../src/gateway/tenancy/authority.ts';
import { TenantAuthority } from '../../../../src/gateway/tenancy/tenant-authority.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { parseExactJson } from '../../../../src/kernel/exact-json.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { stateOf } from '../../../../src/tenancy/organisation.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import type { BatchEndpoint, BatchLine, CallBatch, LineAnswer } from '../../../../src/upstreams/batches/call-batch.ts';
import { NO_TOKENS } from '../../../../src/upstreams/batches/call-batch.ts';
import type { SqliteCallBatches } from '../../../../src/upstreams/store/sqlite-call-batches.ts';
import { isObject, parsedObject } from '../../../../src/upstreams/protocol/json.ts';
import { openaiUsage, responsesUsage } from '../../../../src/upstreams/protocol/usage.ts';
import { composeControl } from '../../compose-control.ts';
import type { Upstreams } from '../../compose-upstreams.ts';
import { composeUpstreams } from '../../compose-upstreams.ts';
import type { GatewayEnv } from '../../env.ts';
import type { Done, Refused } from '../../pipeline/call.ts';
import { Timing } from '../../pipeline/exchange.ts';
import { piecesOf } from '../files/content-pieces.ts';
import { R2FileWrites } from '../files/r2-file-writes.ts';

const CALLED = {
  '/v1/chat/completions': ['createChatCompletion', completionEndpoints.createChatCompletion],
  '/v1/responses': ['createResponse', completionEndpoints.createResponse],
  '/v1/completions': ['createCompletion', completionEndpoints.createCompletion],
  '/v1/messages': ['createMessage', completionEndpoints.createMessage],
  '/v1/moderations': ['createModeration', completionEndpoints.createModeration],
} as const satisfies Record<BatchEndpoint, unknown>;

/** Calls of batches come after direct ones, for which callers wait. */
const HEADERS = { 'x-sluice-priority': '-50' };

type Called = (typeof completionEndpoints)['createChatCompletion'];
type Background = (work: Promise<unknown>) => void;

/** Works for a slice on the batches of a tenant; resolves to the pause before the next one, in ms. Null: there is nothing to do. */
export async function advanceCallBatches(env: GatewayEnv, store: SqliteCallBatches, background: Background): Promise<number | null> {
  const gateway = composeUpstreams(env);
  const { clock, tenancy } = gateway;
  const { organisations } = tenancy;
  const { files } = composeControl(env).heavy;
  const writer = new FileWriter({ store: new R2FileWrites(env.FILES), clock });
  const authorityOf = ({ principal }: CallBatch) => new TenantAuthority(organisations, clock, principal.tenantId);
  const work = new CallBatchWork({
    store,
    clock,
    async mayWork({ principal: { tenantId } }) {
      const tenant = await organisations
        .at(organisationOf(tenantId))
        .tenant(tenantId)
        .catch(() => undefined);
      return tenant?.ok === true && stateOf(tenant.value) === 'active';
    },
    async input({ principal, inputFile }) {
      const content = await files.read(principal.tenantId, inputFile);
      return content.ok ? ok(piecesOf(content.value)) : content;
    },
    call: (batch, line) => called(gateway, background, authorityOf(batch), batch, line),
    write: (batch, id, lines) => written(writer, authorityOf(batch), batch, id, lines, clock.nowMs()),
  });
  const waitMs = await work.advance();
  await tenancy.flush();
  return waitMs;
}

async function written(
  writer: FileWriter<never>,
  authority: TenantAuthority,
  { principal, outputLifeMs, outputFile, id: batch }: CallBatch,
  id: FileId,
  lines: Iterable<string>,
  createdAtMs: number,
): Promise<Outcome<unknown>> {
  return writer.receive(principal.tenantId, authority, id, async (content) => {
    const bounded = new BoundedContent(content, { path: 'batch', limit: 'fileBytesMax' });
    for (const line of lines) {
      const taken = await bounded.write(utf8(line));
      if (!taken.ok) return taken;
    }
    const { sha256 } = await content.finish();
    const filename = `${batch}_${id === outputFile ? 'output' : 'error'}.jsonl`;
    const expiresAtMs = outputLifeMs === null ? null : createdAtMs + outputLifeMs;
    return ok({ id, filename, purpose: 'batch_output', owner: principal.owner, digest: '', createdAtMs, expiresAtMs, sha256 });
  });
}

/** Makes the call of a line as its direct call is made: admitted, metered, validated, answered, settled, logged. [J270] */
async function called(
  gateway: Upstreams,
  waitUntil: Background,
  authority: TenantAuthority,
  batch: CallBatch,
  line: BatchLine,
): Promise<LineAnswer> {
  const requestId = `req_${crypto.randomUUID().replaceAll('-', '')}`;
  try {
    return await answerOf(gateway, waitUntil, authority, batch, line, requestId);
  } catch {
    return refused({ code: 'internal_error', message: 'the call failed' }, batch.endpoint, requestId);
  }
}

async function answerOf(
  gateway: Upstreams,
  waitUntil: Background,
  authority: TenantAuthority,
  { principal, endpoint: path }: CallBatch,
  line: BatchLine,
  requestId: string,
): Promise<LineAnswer> {
  const [name, { body: shape, headers }] = CALLED[path];
  const body = parse(shape.schema, parseExactJson(line.body));
  if (!body.ok) return refused(body.error, path, requestId);
  const may = mayTouchModels(principal, [body.value.model]);
  if (!may.ok) return refused(may.error, path, requestId);
  const reserved = await gateway.budget.reserve(principal, { requests: 1 });
  if (!reserved.ok) return refused(reserved.error, path, requestId);
  const reservation = reserved.value;
  const options = parse(headers, HEADERS, 'headers');
  let answer: Done<Called> | Refused<Called> | undefined;
  try {
    answer = await completionHandlers[name]({
      gateway,
      principal,
      authority,
      body: body.value,
      request: new Request(`https://batches.invalid${path}`, { method: 'POST', headers: HEADERS }),
      requestId,
      timing: new Timing(),
      options: options.ok ? options.value : {},
      reserve: (quantities) => reservation.extend(quantities),
      waitUntil,
    });
  } finally {
    // A call that throws is counted, too, as a direct one is. [T51]
    const label = { route: path, ...(answer?.model === undefined ? {} : { model: answer.model }) };
    const costNano = reservation.settle({ requests: 1, ...answer?.used }, label, answer?.besides);
    answer?.onSettled?.(costNano);
  }
  if (!answer.ok) return refused(answer.error, path, requestId);
  const text = answer.reply.body as string;
  return { status: 200, requestId, body: text, tokens: tokensIn(text), isForNow: false };
}

function refused(refusal: Refusal, path: BatchEndpoint, requestId: string): LineAnswer {
  const body = JSON.stringify(path === '/v1/messages' ? anthropicError(refusal, requestId) : wireError(refusal, requestId));
  return { status: statusOf(refusal), requestId, body, tokens: NO_TOKENS, isForNow: isRetryable(refusal) };
}

function tokensIn(text: string): LineAnswer['tokens'] {
  const usage = parsedObject(text)?.['usage'];
  const counted = isObject(usage) ? (responsesUsage(usage) ?? openaiUsage(usage)) : undefined;
  if (counted === undefined) return NO_TOKENS;
  return { input: counted.inputTokens, cached: counted.cachedTokens, output: counted.outputTokens, reasoning: counted.reasoningTokens };
}
