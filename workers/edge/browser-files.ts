import type { ModelFiles } from '../../src/inference/model-manifest.ts';
import { joinedBytes } from '../../src/kernel/bytes.ts';
import { EdgeError } from './edge-error.ts';

/** How far a file has come. */
export interface Progress {
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** It was kept by the browser from before. */
  readonly isCached: boolean;
}

/** The cache storage of browsers, which Node's types lack. */
export interface BrowserCaches {
  open(name: string): Promise<BrowserCache>;
}

interface BrowserCache {
  keys(): Promise<readonly Request[]>;
  match(key: string | Request): Promise<Response | undefined>;
  put(key: string | Request, response: Response): Promise<void>;
  delete(key: string | Request): Promise<boolean>;
}

interface Listener {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

const CACHE = 'sluice-models';

/**
 * Files of models, fetched once and then kept in the browser's cache storage, where it has one: pages of http have none, and fetch each time.
 * What is in the cache is not trusted: its reader checks the hash.
 */
export class BrowserFiles implements ModelFiles {
  readonly #folder: string;
  readonly #listener: Listener;
  readonly #bytes = new Map<string, number>();

  constructor(folder: string, listener: Listener) {
    this.#folder = folder;
    this.#listener = listener;
  }

  /** How long a file will be: what its progress is a part of. */
  expect(path: string, bytes: number): void {
    this.#bytes.set(path, bytes);
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const cache = await openedCache();
    const kept = await cache?.match(this.#folder + path);
    if (kept !== undefined) {
      const bytes = new Uint8Array(await kept.arrayBuffer());
      this.#report(path, bytes.length, true);
      return bytes;
    }
    const bytes = await this.readFresh(path);
    // A full disk is no reason to fail: the file is fetched again next time.
    if (bytes !== undefined) await cache?.put(this.#folder + path, new Response(bytes)).catch(() => undefined);
    return bytes;
  }

  /** As the gateway has it now. Undefined: it has no such file, or does not answer. */
  async readFresh(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { signal } = this.#listener;
    const response = await fetch(this.#folder + path, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      if (signal?.aborted === true) throw new EdgeError('aborted', 'the page gave it up', null, error);
      return undefined;
    });
    if (response?.ok !== true || response.body === null) {
      await response?.body?.cancel();
      return undefined;
    }
    const pieces: Uint8Array[] = [];
    let loaded = 0;
    for await (const piece of piecesOf(response.body)) {
      pieces.push(piece);
      loaded += piece.length;
      this.#report(path, loaded, false);
    }
    return joinedBytes(pieces).slice();
  }

  async forget(path: string): Promise<void> {
    await (await openedCache())?.delete(this.#folder + path);
  }

  #report(file: string, loadedBytes: number, isCached: boolean): void {
    const totalBytes = this.#bytes.get(file);
    if (totalBytes !== undefined) this.#listener.onProgress?.({ file, loadedBytes, totalBytes, isCached });
  }
}

/** Not every browser iterates over streams. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** Undefined where pages may keep nothing: on http, and in some private windows. */
const openedCache = async (): Promise<BrowserCache | undefined> =>
  (globalThis as { readonly caches?: BrowserCaches }).caches?.open(CACHE).catch(() => undefined);
