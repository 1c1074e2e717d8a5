import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ImportProgress } from '../../../src/contract/vectors/bulk.ts';
import { command, Failure, UsageError } from '../command/command.ts';
import { GatewayClient, queryOf, Refused, refused, unreachable, currentProfile } from '../gateway/gateway-client.ts';

interface Flags {
  readonly createModel?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** The progress of an import of a file, stored next to the file until it is done. */
interface Position {
  readonly index: string;
  readonly token: string;
  readonly lines: number;
  readonly bytes: number;
}

const ATTEMPTS_MAX = 8;
const PAUSE_MS = 500;
/** Errors of connecting: retrying at once would fail again. */
const NOBODY_THERE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** `sluice import INDEX FILE`: goes on by itself after a cut, and with `--resume` after it was stopped. */
export const importFile = () =>
  command('import', 'Writes the vectors of an NDJSON file into an index, one a line: {"id", "values" or "text", "metadata", "fields"}.')
    .argument('<index>', 'name of the index')
    .argument('<file>', 'such as notes.ndjson, or what an export wrote')
    .option('--create-model <model>', 'create the index first, pinned to this model, unless there is one')
    .option('--resume', 'continue where an import of this file stopped')
    .option('--json', 'print the last line of the answer as JSON')
    .action(async (index: string, file: string, flags: Flags) => {
      const profile = await currentProfile();
      const client = new GatewayClient(profile, profile.apiKey);
      const size = await stat(file).catch((error: Error) => {
        throw new UsageError(`cannot read ${file}: ${error.message}`);
      });
      if (!size.isFile()) throw new UsageError(`cannot read ${file}: it is not a file`);
      if (flags.createModel !== undefined) await createIfAbsent(client, index, flags.createModel);
      const done = await new Import(client, index, file, size.size).run(flags.resume === true);
      console.log(flags.json === true ? JSON.stringify(done, null, 2) : `${done.lines} lines imported into ${index}`);
    });

async function createIfAbsent(client: GatewayClient, name: string, model: string): Promise<void> {
  try {
    await client.call('GET', `/v1/indexes/${encodeURIComponent(name)}`);
  } catch (error) {
    if (!(error instanceof Refused && error.code === 'index_not_found')) throw error;
    await client.call('POST', '/v1/indexes', { name, model });
  }
}

class Import {
  readonly #client: GatewayClient;
  readonly #index: string;
  readonly #file: string;
  readonly #bytes: number;
  readonly #notes: string;
  /** The same for each attempt, so that a batch whose answer was lost is written once. */
  readonly #idempotencyKey: string;
  #position: Position | undefined;

  constructor(client: GatewayClient, index: string, file: string, bytes: number) {
    this.#client = client;
    this.#index = index;
    this.#file = file;
    this.#bytes = bytes;
    this.#notes = `${file}.sluice-import.json`;
    this.#idempotencyKey = createHash('sha256').update(`${index}\0${file}\0${bytes}\0${Date.now()}`).digest('hex');
  }

  async run(resumes: boolean): Promise<ImportProgress> {
    this.#position = await this.#noted();
    if (this.#position !== undefined && !resumes) {
      throw new UsageError(
        `an import of ${this.#file} stopped after ${this.#position.lines} lines: continue with --resume, or delete ${this.#notes} to start again`,
      );
    }
    for (let attempt = 1; ; attempt += 1) {
      const from = this.#position?.bytes ?? 0;
      const last = await this.#attempt();
      if (last?.status === 'done') {
        await rm(this.#notes, { force: true });
        this.#say('');
        return last;
      }
      if (last?.status === 'stopped') throw this.#stopped(last);
      // What came further starts a new count: only attempts that bring nothing are bounded.
      if ((this.#position?.bytes ?? 0) > from) attempt = 0;
      if (attempt >= ATTEMPTS_MAX)
        throw new Failure(`the import was interrupted ${ATTEMPTS_MAX} times in a row: continue later with --resume`);
      await sleep(PAUSE_MS * 2 ** Math.min(attempt, 4));
    }
  }

  /** The last line of the answer; undefined when the connection was cut. */
  async #attempt(): Promise<ImportProgress | undefined> {
    const url = this.#client.urlOf(`/v1/indexes/${encodeURIComponent(this.#index)}/import${queryOf({ token: this.#position?.token })}`);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = {
      authorization: this.#client.authorization,
      'content-type': 'application/x-ndjson',
      'idempotency-key': this.#idempotencyKey,
    };
    const call = send(url, { method: 'POST', headers });
    const body = createReadStream(this.#file, { start: this.#position?.bytes ?? 0 });
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    // The answer may come, and end, before the body is sent: a broken pipe then means nothing.
    call.on('error', () => body.destroy());
    body.pipe(call);
    let response: IncomingMessage;
    try {
      [response] = await answered;
    } catch (error) {
      if (NOBODY_THERE.has((error as NodeJS.ErrnoException).code ?? '')) throw unreachable(url.origin, error);
      return undefined;
    }
    try {
      return await this.#follow(response);
    } finally {
      body.destroy();
      call.destroy();
    }
  }

  async #follow(response: IncomingMessage): Promise<ImportProgress | undefined> {
    // Both ends may close the connection once the last line is read: the reader below reports what matters.
    response.on('error', () => undefined);
    if (response.statusCode !== 200) {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      throw refused(response.statusCode ?? 0, text);
    }
    const lines = createInterface({ input: response });
    // It repeats the errors of what it reads, also after the last line was taken.
    lines.on('error', () => undefined);
    try {
      for await (const line of lines) {
        const news = JSON.parse(line) as ImportProgress;
        if (news.status !== 'running') return news;
        await this.#note(news);
      }
    } catch {
      // Cut off: what was noted before is where the next attempt begins.
    }
    return undefined;
  }

  async #note({ token, lines, bytes }: ImportProgress): Promise<void> {
    this.#position = { index: this.#index, token, lines, bytes };
    await writeFile(this.#notes, JSON.stringify(this.#position));
    this.#say(`${lines} lines, ${Math.floor((100 * bytes) / Math.max(1, this.#bytes))} %`);
  }

  async #noted(): Promise<Position | undefined> {
    const text = await readFile(this.#notes, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const position = JSON.parse(text) as Position;
    if (position.index === this.#index) return position;
    throw new UsageError(`${this.#notes} belongs to an import into ${position.index}: delete it to import into ${this.#index}`);
  }

  #stopped({ error, lines }: ImportProgress): Failure {
    this.#say('');
    return new Failure(`${error?.message ?? 'the import was stopped'} (${error?.code ?? 'unknown'}); ${lines} lines are written`);
  }

  /** Progress is for people at a terminal. */
  #say(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
  }
}
