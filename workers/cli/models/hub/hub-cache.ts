import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Failure } from '../../command/command.ts';
import type { HubClient, HubFile, HubRevision } from './hub-client.ts';
import { HubUnavailable } from './hub-client.ts';
import type { HubReference } from './hub-reference.ts';
import { shownReference } from './hub-reference.ts';

interface HubCacheParts {
  readonly folder: string;
  /** Undefined: only what is in the cache is asked for. */
  readonly client: HubClient | undefined;
  readonly pause: (ms: number) => Promise<unknown>;
}

/** Called as a file grows, with the bytes that are there. */
export type OnBytes = (bytes: number) => void;

/** Attempts in a row that bring less than `WORTHWHILE_BYTES`. */
const FRUITLESS_MAX = 5;
const WORTHWHILE_BYTES = 1024 * 1024;
const PAUSE_MS = 500;

/**
 * Files of a hub on this machine. A revision is stored as the hub lists it, a file below its hash, which is checked whenever it is handed
 * out; a download that was cut is continued, by this process or a later one. [M91]
 */
export class HubCache {
  readonly #parts: HubCacheParts;

  constructor(parts: HubCacheParts) {
    this.#parts = parts;
  }

  /** What the hub says; without it, what it said last. A commit never changes, and is asked for once. [M92] */
  async revision(reference: HubReference): Promise<HubRevision> {
    const { client } = this.#parts;
    const known = await this.#stored(reference);
    if (client === undefined || (known !== undefined && known.commit === reference.revision)) return known ?? absent(reference);
    try {
      const revision = await client.revision(reference);
      for (const name of new Set([reference.revision, revision.commit])) await this.#store({ ...reference, revision: name }, revision);
      return revision;
    } catch (error) {
      if (error instanceof HubUnavailable && known !== undefined) return known;
      throw error;
    }
  }

  /** The path of a file's content. */
  async file(repository: string, commit: string, file: HubFile, onBytes: OnBytes): Promise<string> {
    const path = join(this.#folderOf(repository), 'blobs', file.hash.hex);
    if (await isContent(path, file)) return path;
    await rm(path, { force: true });
    if (this.#parts.client === undefined) throw new Failure(`${file.path} is not in the cache, and HF_HUB_OFFLINE is set`);
    await mkdir(join(path, '..'), { recursive: true });
    await this.#download(this.#parts.client, { repository, commit, file, partial: `${path}.incomplete`, onBytes });
    await rename(`${path}.incomplete`, path);
    return path;
  }

  async #download(client: HubClient, download: Download): Promise<void> {
    const { file, partial, onBytes } = download;
    for (let fruitless = 0; ;) {
      const before = await bytesOf(partial);
      const cut = before > 0 && before === file.bytes ? undefined : await fetchRest(client, download, before);
      const after = await bytesOf(partial);
      if (cut === undefined) {
        onBytes(after);
        if (await isContent(partial, file)) return;
        await rm(partial, { force: true });
        // What was there before may have been the part that is wrong.
        if (before === 0)
          throw new Failure(`${file.path}: what the hub sent is not what it lists (${file.hash.kind} ${file.hash.hex}): nothing was kept`);
        continue;
      }
      fruitless = after - before >= WORTHWHILE_BYTES ? 0 : fruitless + 1;
      if (fruitless === FRUITLESS_MAX)
        throw new Failure(`${file.path}: ${after} of ${file.bytes} bytes are here; the same command goes on from there (${cut.message})`);
      await this.#parts.pause(PAUSE_MS * 2 ** fruitless);
    }
  }

  #folderOf(repository: string): string {
    return join(this.#parts.folder, repository.replace('/', '--'));
  }

  #revisionPath({ repository, revision }: HubReference): string {
    return join(this.#folderOf(repository), 'revisions', `${encodeURIComponent(revision)}.json`);
  }

  async #stored(reference: HubReference): Promise<HubRevision | undefined> {
    const text = await readFile(this.#revisionPath(reference), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as HubRevision);
  }

  async #store(reference: HubReference, revision: HubRevision): Promise<void> {
    const path = this.#revisionPath(reference);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(`${path}.new`, JSON.stringify(revision));
    await rename(`${path}.new`, path);
  }
}

interface Download {
  readonly repository: string;
  readonly commit: string;
  readonly file: HubFile;
  readonly partial: string;
  readonly onBytes: OnBytes;
}

/** Appends what is missing. Answers why it could not, where another attempt may. */
async function fetchRest(client: HubClient, download: Download, from: number): Promise<HubUnavailable | undefined> {
  const { repository, commit, file, partial, onBytes } = download;
  try {
    const response = await client.open(repository, commit, file, from);
    const isRest = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`) === true;
    if (!isRest && response.status !== 200) {
      await response.body?.cancel();
      await rm(partial, { force: true });
      return new HubUnavailable(`the hub has no bytes from ${from} on`);
    }
    return await append(response, partial, isRest ? from : 0, file, onBytes);
  } catch (error) {
    if (error instanceof HubUnavailable) return error;
    throw error;
  }
}

async function append(
  response: Response,
  partial: string,
  from: number,
  file: HubFile,
  onBytes: OnBytes,
): Promise<HubUnavailable | undefined> {
  const target = await open(partial, from === 0 ? 'w' : 'a');
  let bytes = from;
  try {
    const chunks = (response.body ?? new ReadableStream<Uint8Array>()).getReader();
    for (;;) {
      const read = await chunks.read().catch((error: Error) => new HubUnavailable(`the connection was cut: ${error.message}`));
      if (read instanceof HubUnavailable) return read;
      if (read.done) return bytes === file.bytes ? undefined : new HubUnavailable(`the hub sent ${bytes} bytes`);
      bytes += read.value.length;
      if (bytes > file.bytes) {
        await chunks.cancel();
        await rm(partial, { force: true });
        throw new Failure(`${file.path}: the hub sends more than the ${file.bytes} bytes that it lists`);
      }
      await target.writeFile(read.value);
      onBytes(bytes);
    }
  } finally {
    await target.close();
  }
}

const bytesOf = async (path: string): Promise<number> => (await stat(path).catch(() => ({ size: 0 }))).size;

/** Whether a file holds what the hub lists. */
async function isContent(path: string, { bytes, hash }: HubFile): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size !== bytes) return false;
  const hashing = hash.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path)) hashing.update(chunk as Buffer);
  return hashing.digest('hex') === hash.hex;
}

function absent({ repository, revision }: HubReference): never {
  throw new Failure(`${shownReference(repository, revision)} is not in the cache, and HF_HUB_OFFLINE is set`);
}
