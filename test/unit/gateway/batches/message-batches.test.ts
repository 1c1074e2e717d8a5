import { beforeEach, describe, expect, it } from 'vitest';

import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { BatchStatus } from '../../../../src/contract/jobs/batches.ts';
import { MessageBatches } from '../../../../src/gateway/batches/message-batches.ts';
import type { Acting } from '../../../../src/gateway/tenancy/authority.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import type { FileId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { CallBatch } from '../../../../src/upstreams/batches/call-batch.ts';
import { NO_TOKENS } from '../../../../src/upstreams/batches/call-batch.ts';
import { messageBatchIdOf } from '../../../../src/upstreams/batches/message-batch.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';

const { id: keyId, ...ids } = idsOf(1);
const ONE: TenantPrincipal = { kind: 'tenant', keyId, ...ids, owner: 'team', scopes: ['jobs'] };
const acting = (principal = ONE) => ({ principal, authority: undefined }) as unknown as Acting;
const request = (custom_id: string, model = 'lab/small') => ({
  custom_id,
  params: { model, max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] },
});

type Kept = CallBatch;

/** Batches and files in memory. */
class World {
  readonly kept: Kept[] = [];
  readonly files = new Map<string, string>();
  createRefused = false;

  readonly batches = new MessageBatches<string>({
    batches: {
      create: async ({ principal }, endpoint, body) => {
        if (this.createRefused) return refuse('limit_exceeded', 'has too many batches');
        const serial = String(this.kept.length).padStart(2, '0');
        const batch: Kept = {
          id: `batch_${serial}23456789abcdefghjkmnpqrs`,
          status: 'in_progress',
          endpoint,
          principal,
          model: '',
          completionWindow: body.completion_window,
          outputLifeMs: null,
          faults: null,
          inProgressAtMs: null,
          finalizingAtMs: null,
          total: 0,
          tokens: NO_TOKENS,
          metadata: body.metadata ?? null,
          inputFile: body.input_file_id as FileId,
          outputFile: `file_out_${serial}` as FileId,
          errorFile: `file_err_${serial}` as FileId,
          createdAtMs: 1_000,
          expiresAtMs: 2_000,
          cancellingAtMs: null,
          endedAtMs: null,
          completed: 0,
          failed: 0,
          unanswered: 0,
        };
        this.kept.push(batch);
        return ok(batch);
      },
      find: async (_, id) => this.kept.find((batch) => batch.id === id),
      cancel: async (_, id) => ok(this.change(id, { status: 'cancelling', cancellingAtMs: 1_500 })),
      page: async (_, limit, after) => {
        const newest = this.kept.toReversed();
        const from = after === undefined ? 0 : newest.findIndex(({ id }) => id === after) + 1;
        // A page of the core has three at most.
        const count = Math.min(limit, 3);
        return { items: newest.slice(from, from + count), hasMore: newest.length > from + count };
      },
    },
    files: {
      upload: async (_, receive) => {
        let text = '';
        const terms = await receive({
          write: async (bytes) => {
            text += new TextDecoder().decode(bytes);
            return ok(null);
          },
        });
        if (!terms.ok) return terms;
        const id = `file_in_${this.files.size}`;
        this.files.set(id, text);
        return ok({ id, ...terms.value } as never);
      },
      find: async (_, id) => (this.files.has(id) ? ok({ id } as never) : refuse('file_not_found', 'no file', 'file')),
      read: async (_, id) => {
        const text = this.files.get(id);
        return text === undefined ? refuse('file_not_found', 'no file', 'file') : ok(text);
      },
      delete: async (_, id) => (this.files.delete(id) ? ok(null) : refuse('file_not_found', 'no file', 'file')),
    },
    async *piecesOf(content) {
      // In pieces that end within lines.
      for (let at = 0; at < content.length; at += 7) yield utf8(content.slice(at, at + 7));
    },
  });

  change(id: string, change: Partial<Kept>): Kept {
    const at = this.kept.findIndex((batch) => batch.id === id);
    return (this.kept[at] = { ...(this.kept[at] as Kept), ...change });
  }

  async create(...customIds: readonly string[]) {
    const made = await this.batches.create(acting(), { requests: customIds.map((id) => request(id)) }, undefined);
    if (!made.ok) throw new Error(made.error.message);
    return made.value;
  }

  end(id: string, status: BatchStatus, output: readonly object[], errors: readonly object[]): void {
    const { outputFile, errorFile } = this.change(id, { status, endedAtMs: 1_900 });
    const lines = (of: readonly object[]) => of.map((line) => `${JSON.stringify(line)}\n`).join('');
    if (output.length > 0) this.files.set(outputFile, lines(output));
    if (errors.length > 0) this.files.set(errorFile, lines(errors));
  }
}

let world: World;

beforeEach(() => {
  world = new World();
});

const messageIdOf = ({ batch }: { readonly batch: { readonly id: string } }) => messageBatchIdOf(batch.id);

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += new TextDecoder().decode(piece);
  return text;
}

describe('message batches', () => {
  it('[J268] are batches of messages, with a line for each request', async () => {
    const made = await world.create('a', 'b');
    expect(made).toMatchObject({ total: 2, batch: { endpoint: '/v1/messages' } });
    const lines = [...world.files.values()].flatMap((text) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
    expect(lines).toEqual(['a', 'b'].map((id) => ({ custom_id: id, method: 'POST', url: '/v1/messages', body: request(id).params })));
    expect(await world.batches.find(ONE.tenantId, messageIdOf(made))).toMatchObject({ value: { total: 2 } });
    expect(await world.batches.find(ONE.tenantId, 'msgbatch_none')).toMatchObject({ error: { code: 'batch_not_found' } });
  });

  it('[J268] leave no file behind where refused, and need the right to each model that they name', async () => {
    world.createRefused = true;
    expect(await world.batches.create(acting(), { requests: [request('a')] }, undefined)).toMatchObject({ error: { path: ['requests'] } });
    expect(world.files.size).toBe(0);
    const narrow = acting({ ...ONE, resources: ['model/lab/small'] });
    const asked = world.batches.create(narrow, { requests: [request('a'), request('b', 'lab/other')] }, undefined);
    expect(await asked).toMatchObject({ error: { code: 'scope_denied' } });
  });

  it('[J269] have a result for each line of their output and errors, once they have ended', async () => {
    const made = await world.create('a', 'b', 'c');
    const id = messageIdOf(made);
    expect(await world.batches.results(ONE.tenantId, id)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(await world.batches.delete(acting(), id)).toMatchObject({ error: { code: 'state_conflict' } });
    const message = { type: 'message', content: [{ type: 'text', text: 'grün' }] };
    world.end(
      made.batch.id,
      'cancelled',
      [{ custom_id: 'b', response: { status_code: 200, body: message }, error: null }],
      [
        {
          custom_id: 'a',
          response: { status_code: 404, body: { type: 'error', error: { type: 'not_found_error', message: 'no' } } },
          error: null,
        },
        { custom_id: 'c', response: null, error: { code: 'batch_cancelled', message: 'why' } },
      ],
    );
    const results = await world.batches.results(ONE.tenantId, id);
    if (!results.ok) throw new Error(results.error.message);
    const lines = (await textOf(results.value)).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { custom_id: 'b', result: { type: 'succeeded', message } },
      { custom_id: 'a', result: { type: 'errored', error: { type: 'error', error: { type: 'not_found_error', message: 'no' } } } },
      { custom_id: 'c', result: { type: 'canceled' } },
    ]);
  });

  it('[J268] that are deleted are there no more, nor are their files', async () => {
    const made = await world.create('a');
    const id = messageIdOf(made);
    world.end(made.batch.id, 'completed', [{ custom_id: 'a', response: { status_code: 200, body: {} }, error: null }], []);
    expect(await world.batches.delete(acting(), id)).toEqual(ok(null));
    expect(world.files.size).toBe(0);
    expect(await world.batches.find(ONE.tenantId, id)).toMatchObject({ error: { code: 'batch_not_found' } });
    expect(await world.batches.list(ONE.tenantId, { limit: 5, after: undefined, before: undefined })).toMatchObject({
      value: { items: [] },
    });
  });

  it('[J268] are cancelled, unless they have ended', async () => {
    const made = await world.create('a');
    const id = messageIdOf(made);
    expect(await world.batches.cancel(ONE.tenantId, id)).toMatchObject({ value: { batch: { status: 'cancelling' } } });
    world.end(made.batch.id, 'completed', [], []);
    expect(await world.batches.cancel(ONE.tenantId, id)).toMatchObject({ value: { batch: { status: 'completed' } } });
  });

  it('[J268] are listed newest first, each once, both ways, without batches of other endpoints', async () => {
    const mine: string[] = [];
    for (let n = 0; n < 9; n += 1) {
      const made = await world.create('a');
      if (n % 3 === 1) world.change(made.batch.id, { endpoint: '/v1/responses' });
      else mine.unshift(messageIdOf(made));
    }
    const page = async (limit: number, from: { readonly after?: string | undefined; readonly before?: string | undefined }) => {
      const found = await world.batches.list(ONE.tenantId, { limit, after: from.after, before: from.before });
      if (!found.ok) throw new Error(found.error.message);
      expect(found.value.items.length).toBeLessThanOrEqual(limit);
      return { ids: found.value.items.map(messageIdOf), hasMore: found.value.hasMore };
    };
    for (let limit = 1; limit <= mine.length; limit += 1) {
      const forwards: string[] = [];
      for (let hasMore = true; hasMore;) {
        const next = await page(limit, { after: forwards.at(-1) });
        forwards.push(...next.ids);
        ({ hasMore } = next);
      }
      expect(forwards).toEqual(mine);
      const backwards = mine.slice(-1);
      for (let hasMore = true; hasMore;) {
        const next = await page(limit, { before: backwards[0] });
        backwards.unshift(...next.ids);
        ({ hasMore } = next);
      }
      expect(backwards).toEqual(mine);
    }
    const unknown = world.batches.list(ONE.tenantId, { limit: 1, after: undefined, before: 'msgbatch_none' });
    expect(await unknown).toMatchObject({ error: { code: 'batch_not_found', path: ['before_id'] } });
  });
});
