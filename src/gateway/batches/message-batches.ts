import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import type { CreateMessageBatch } from '../../contract/completions/message-batches.ts';
import type { CreateBatch } from '../../contract/jobs/batches.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { FileId, TenantId } from '../../kernel/ids.ts';
import { rawLines } from '../../kernel/raw-lines.ts';
import { err, ok } from '../../kernel/result.ts';
import type { PageOf } from '../../kernel/page.ts';
import type { MessageBatchFacts } from '../../upstreams/batches/message-batch.ts';
import { messageBatchHasEnded, messageBatchIdOf, messageBatchResult } from '../../upstreams/batches/message-batch.ts';
import { Composed } from '../api/composed.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { Acting } from '../tenancy/authority.ts';
import { mayTouchModels } from '../tenancy/authority.ts';

/** A batch as the core keeps it. */
interface KeptBatch extends MessageBatchFacts {
  readonly endpoint: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly inputFile: FileId;
  readonly outputFile: FileId;
  readonly errorFile: FileId;
}

/** Batches of any endpoint, as `/v1/batches` has them. */
export interface BatchCore {
  create(
    acting: Acting,
    body: Omit<CreateBatch, 'endpoint'> & { readonly endpoint: string },
    key: string | undefined,
  ): Promise<Outcome<KeptBatch>>;
  find(tenantId: TenantId, id: string): Promise<Outcome<KeptBatch>>;
  cancel(tenantId: TenantId, id: string): Promise<Outcome<KeptBatch>>;
  /** Newest first, older than the batch `after`. */
  list(tenantId: TenantId, page: { readonly limit: number; readonly after: string | undefined }): Promise<Outcome<PageOf<KeptBatch>>>;
}

interface MessageBatchParts<Content> {
  readonly batches: BatchCore;
  readonly files: Pick<FileCatalogue<Content>, 'upload' | 'find' | 'read' | 'delete'>;
  readonly piecesOf: (content: Content) => AsyncIterable<Uint8Array>;
}

/** A batch, and how many requests it was made with. */
export interface MessageBatch {
  readonly batch: KeptBatch;
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
/** Of a line of results: an answer, and what stands around it. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;

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
        for (const line of linesOf(requests)) {
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
    const made = await batches.create(acting, body, key);
    if (!made.ok) {
      await files.delete(acting, input.value.id);
      return err(refusalAt(made.error, ['requests']));
    }
    return ok(seen(made.value));
  }

  async find(tenantId: TenantId, id: string): Promise<Outcome<MessageBatch>> {
    const found = await this.parts.batches.find(tenantId, id.replace(/^msgbatch_/, 'batch_'));
    if (!found.ok) return found.error.code === 'batch_not_found' ? absent(id) : found;
    return (await this.#isThere(tenantId, found.value)) ? ok(seen(found.value)) : absent(id);
  }

  /** One that has ended stays as it is. */
  async cancel(tenantId: TenantId, id: string): Promise<Outcome<MessageBatch>> {
    const found = await this.find(tenantId, id);
    if (!found.ok || messageBatchHasEnded(found.value.batch)) return found;
    const cancelled = await this.parts.batches.cancel(tenantId, found.value.batch.id);
    return cancelled.ok ? ok(seen(cancelled.value)) : cancelled;
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
    const page = { limit: API_LIMITS.pageMaxCount, after: after?.replace(/^msgbatch_/, 'batch_') };
    let items: KeptBatch[] = [];
    let isMore = false;
    for (;;) {
      const found = await this.parts.batches.list(tenantId, page);
      if (!found.ok) return found;
      const end = found.value.items.findIndex((batch) => messageBatchIdOf(batch.id) === before);
      const behind = end === -1 ? found.value.items : found.value.items.slice(0, end);
      items.push(...(await this.#there(tenantId, behind)));
      // Of those before a batch the page has the last ones, of others the first.
      if (before !== undefined) {
        isMore ||= items.length > limit;
        items = items.slice(-limit);
      }
      const last = found.value.items.at(-1);
      if (end !== -1 || !found.value.hasMore || last === undefined || (before === undefined && items.length > limit)) break;
      page.after = last.id;
    }
    const hasMore = before === undefined ? items.length > limit : isMore;
    return ok({ items: items.slice(0, limit).map(seen), hasMore });
  }

  async #ended(tenantId: TenantId, id: string, what: string): Promise<Outcome<KeptBatch>> {
    const found = await this.find(tenantId, id);
    if (!found.ok) return found;
    const { batch } = found.value;
    return messageBatchHasEnded(batch) ? ok(batch) : refuse('state_conflict', `the batch is under way and cannot be ${what}`);
  }

  async #there(tenantId: TenantId, batches: readonly KeptBatch[]): Promise<KeptBatch[]> {
    const there = await Promise.all(batches.map((batch) => this.#isThere(tenantId, batch)));
    return batches.filter((_, i) => there[i]);
  }

  async #isThere(tenantId: TenantId, { endpoint, inputFile }: KeptBatch): Promise<boolean> {
    return endpoint === ENDPOINT && (await this.parts.files.find(tenantId, inputFile)).ok;
  }
}

const seen = (batch: KeptBatch): MessageBatch => ({ batch, total: Number(batch.metadata?.[TOTAL] ?? 0) });

const absent = (id: string) => refuseResource('batch_not_found', { kind: 'batch', name: id }, `no message batch ${id}`, 'message_batch');

function* linesOf(requests: CreateMessageBatch['requests']): Generator<Uint8Array, void> {
  for (const { custom_id, params } of requests)
    yield utf8(`${JSON.stringify({ custom_id, method: 'POST', url: ENDPOINT, body: params })}\n`);
}

async function* resultLines<Content>(
  contents: readonly Content[],
  piecesOf: (content: Content) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  for (const content of contents) {
    for await (const { content: line } of rawLines(piecesOf(content), LINE_BYTES_MAX)) {
      const result = line === undefined ? undefined : messageBatchResult(new TextDecoder().decode(line));
      if (result !== undefined) yield utf8(`${JSON.stringify(result)}\n`);
    }
  }
}
