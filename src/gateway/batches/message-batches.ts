import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import type { CreateMessageBatch } from '../../contract/completions/message-batches.ts';
import { CALL_BATCH_LIMITS } from '../../contract/jobs/call-batch-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { rawLines } from '../../kernel/raw-lines.ts';
import { err, ok } from '../../kernel/result.ts';
import type { PageOf } from '../../kernel/page.ts';
import type { CallBatch } from '../../upstreams/batches/call-batch.ts';
import { hasEnded } from '../../upstreams/batches/call-batch.ts';
import { messageBatchIdOf, messageBatchResult } from '../../upstreams/batches/message-batch.ts';
import { Composed } from '../api/composed.ts';
import type { CallBatches } from './call-batches.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { Acting } from '../tenancy/authority.ts';
import { mayTouchModels } from '../tenancy/authority.ts';

interface MessageBatchParts<Content> {
  readonly batches: Pick<CallBatches, 'create' | 'find' | 'cancel' | 'page'>;
  readonly files: Pick<FileCatalogue<Content>, 'upload' | 'find' | 'read' | 'delete'>;
  readonly piecesOf: (content: Content) => AsyncIterable<Uint8Array>;
}

/** A batch, and how many requests it was made with. */
export interface MessageBatch {
  readonly batch: CallBatch;
  readonly total: number;
}

/** Where one page of the list is. */
export interface MessageBatchPage {
  readonly limit: number;
  readonly after: string | undefined;
  readonly before: string | undefined;
}

const ENDPOINT = '/v1/messages';
/** Of its metadata. */
const TOTAL = 'message_batch_requests';
const LINE_BYTES_MAX = CALL_BATCH_LIMITS.callBatchLineBytesMax;
/** Of a line of results: an answer, whose characters have up to three bytes, and what stands around it. */
const RESULT_BYTES_MAX = 4 * CALL_BATCH_LIMITS.callBatchAnswerCharsMax;

/**
 * Anthropic's message batches: batches of `/v1/messages` under other names. Nothing of one is stored but in its batch and that batch's files: it is there
 * as long as the file with its requests. [J268]
 */
export class MessageBatches<Content> extends Composed<MessageBatchParts<Content>> {
  /** Refuses with `scope_denied` where the key may not use a model that a request names, and as files and batches do. */
  async create(acting: Acting, { requests }: CreateMessageBatch, key: string | undefined): Promise<Outcome<MessageBatch>> {
    const { batches, files } = this.parts;
    const may = mayTouchModels(acting.principal, [...new Set(requests.map(({ params }) => params.model))]);
    if (!may.ok) return may;
    const input = await files.upload(
      acting,
      async (content) => {
        for (const [i, line] of linesOf(requests).entries()) {
          if (line.length > LINE_BYTES_MAX) return tooLarge(i, line.length);
          const written = await content.write(line);
          if (!written.ok) return written;
        }
        const { owner } = acting.principal;
        return ok({ filename: 'message-batch.jsonl', purpose: 'batch', owner, lifeMs: COMPLETION_LIMITS.messageBatchLifeMs });
      },
      key,
    );
    if (!input.ok) return input;
    const body = {
      input_file_id: input.value.id,
      endpoint: ENDPOINT,
      completion_window: '24h',
      metadata: { [TOTAL]: String(requests.length) },
      output_expires_after: { anchor: 'created_at', seconds: COMPLETION_LIMITS.messageBatchLifeMs / 1_000 },
    } as const;
    const made = await batches.create(acting, ENDPOINT, body, key);
    if (!made.ok) {
      await files.delete(acting, input.value.id);
      return err(refusalAt(made.error, ['requests']));
    }
    return ok(seen(made.value));
  }

  async find(tenantId: TenantId, id: string): Promise<Outcome<MessageBatch>> {
    const found = await this.parts.batches.find(tenantId, id.replace(/^msgbatch_/, 'batch_'));
    return found !== undefined && (await this.#isThere(tenantId, found)) ? ok(seen(found)) : absent(id);
  }

  /** One that has ended stays as it is. */
  async cancel(tenantId: TenantId, id: string): Promise<Outcome<MessageBatch>> {
    const found = await this.find(tenantId, id);
    if (!found.ok || hasEnded(found.value.batch)) return found;
    const cancelled = await this.parts.batches.cancel(tenantId, found.value.batch.id);
    if (cancelled === undefined) return absent(id);
    // It may have ended just now.
    return cancelled.ok ? ok(seen(cancelled.value)) : this.find(tenantId, id);
  }

  /** Refuses one that has not ended with `state_conflict`. Its requests go last: an interrupted deletion can be repeated. */
  async delete(acting: Acting, id: string): Promise<Outcome<null>> {
    const found = await this.#ended(acting.principal.tenantId, id, 'deleted: cancel it first');
    if (!found.ok) return found;
    const { outputFile, errorFile, inputFile } = found.value;
    for (const file of [outputFile, errorFile, inputFile]) {
      const deleted = await this.parts.files.delete(acting, file);
      if (!deleted.ok && deleted.error.code !== 'file_not_found') return deleted;
    }
    return ok(null);
  }

  /** Lines of JSON, each with its end. Refuses a batch that has not ended with `state_conflict`. [J269] */
  async results(tenantId: TenantId, id: string): Promise<Outcome<AsyncIterable<Uint8Array>>> {
    const found = await this.#ended(tenantId, id, 'read yet: its results are there once it has ended');
    if (!found.ok) return found;
    const { outputFile, errorFile } = found.value;
    const contents: Content[] = [];
    for (const file of [outputFile, errorFile]) {
      const content = await this.parts.files.read(tenantId, file);
      // Where no request succeeded, or none failed, there is none.
      if (content.ok) contents.push(content.value);
      else if (content.error.code !== 'file_not_found') return content;
    }
    return ok(resultLines(contents, this.parts.piecesOf));
  }

  /** Newest first. Refuses the id of no batch by its field. */
  async list(tenantId: TenantId, { limit, after, before }: MessageBatchPage): Promise<Outcome<PageOf<MessageBatch>>> {
    for (const [field, id] of [['after_id', after] as const, ['before_id', before] as const]) {
      const known = id === undefined ? ok(null) : await this.find(tenantId, id);
      if (!known.ok) return err(refusalAt(known.error, [field]));
    }
    let from = after?.replace(/^msgbatch_/, 'batch_');
    let items: CallBatch[] = [];
    let isMore = false;
    for (;;) {
      const found = await this.parts.batches.page(tenantId, API_LIMITS.pageDefaultCount, from);
      const end = found.items.findIndex((batch) => messageBatchIdOf(batch.id) === before);
      const behind = end === -1 ? found.items : found.items.slice(0, end);
      items.push(...(await this.#there(tenantId, behind)));
      // Of those before a batch the page has the last ones, of others the first.
      if (before !== undefined) {
        isMore ||= items.length > limit;
        items = items.slice(-limit);
      }
      const last = found.items.at(-1);
      if (end !== -1 || !found.hasMore || last === undefined || (before === undefined && items.length > limit)) break;
      from = last.id;
    }
    const hasMore = before === undefined ? items.length > limit : isMore;
    return ok({ items: items.slice(0, limit).map(seen), hasMore });
  }

  async #ended(tenantId: TenantId, id: string, what: string): Promise<Outcome<CallBatch>> {
    const found = await this.find(tenantId, id);
    if (!found.ok) return found;
    const { batch } = found.value;
    return hasEnded(batch) ? ok(batch) : refuse('state_conflict', `the batch is under way and cannot be ${what}`);
  }

  async #there(tenantId: TenantId, batches: readonly CallBatch[]): Promise<CallBatch[]> {
    const there = await Promise.all(batches.map((batch) => this.#isThere(tenantId, batch)));
    return batches.filter((_, i) => there[i]);
  }

  async #isThere(tenantId: TenantId, { endpoint, inputFile }: CallBatch): Promise<boolean> {
    return endpoint === ENDPOINT && (await this.parts.files.find(tenantId, inputFile)).ok;
  }
}

const seen = (batch: CallBatch): MessageBatch => ({ batch, total: Number(batch.metadata?.[TOTAL] ?? 0) });

const absent = (id: string) => refuseResource('batch_not_found', { kind: 'batch', name: id }, `no message batch ${id}`, 'message_batch');

function linesOf(requests: CreateMessageBatch['requests']): Uint8Array[] {
  return requests.map(({ custom_id, params }) => utf8(`${JSON.stringify({ custom_id, method: 'POST', url: ENDPOINT, body: params })}\n`));
}

async function* resultLines<Content>(
  contents: readonly Content[],
  piecesOf: (content: Content) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  for (const content of contents) {
    for await (const { content: line } of rawLines(piecesOf(content), RESULT_BYTES_MAX)) {
      const result = line === undefined ? undefined : messageBatchResult(new TextDecoder().decode(line));
      if (result !== undefined) yield utf8(`${JSON.stringify(result)}\n`);
    }
  }
}

const tooLarge = (i: number, value: number) =>
  refuseBeyond({ path: ['requests', i, 'params'], limit: 'callBatchLineBytesMax', value, what: `has ${value} bytes` });
