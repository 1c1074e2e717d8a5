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
  /** For files that take a key. */
  readonly apiKey?: string;
}

const CACHE = 'sluice-models';

/**
 * Files of models, fetched once and then kept in the browser's cache storage, where it has one: pages of http have none, and fetch each time.
 * What is in the cache is not trusted: its reader checks the hash.
 */
export class BrowserFiles implements ModelFiles {
  readonly #folder: string;
  readonly #listener: Listener;
  readonly #keptFolder: string;
  /** How long files will be, and what they are called, by their paths. */
  readonly #expected = new Map<string, { readonly totalBytes: number; readonly file: string }>();

  /** `keptFolder`: below which the browser keeps them, where that is not where they come from. */
  constructor(folder: string, listener: Listener, keptFolder = folder) {
    this.#keptFolder = keptFolder;
    this.#folder = folder;
    this.#listener = listener;
  }

  /** How long a file will be: what its progress is a part of. */
  expect(path: string, totalBytes: number, file = path): void {
    this.#expected.set(path, { totalBytes, file });
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const cache = await openedCache();
    const kept = await cache?.match(this.#keptFolder + path);
    if (kept !== undefined) {
      const bytes = new Uint8Array(await kept.arrayBuffer());
      this.#report(path, bytes.length, true);
      return bytes;
    }
    const bytes = await this.readFresh(path);
    // A full disk is no reason to fail: the file is fetched again next time.
    if (bytes !== undefined) await cache?.put(this.#keptFolder + path, new Response(bytes)).catch(() => undefined);
    return bytes;
  }

  /** As the gateway has it now. Undefined: it has no such file, or does not answer. */
  async readFresh(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { signal, apiKey } = this.#listener;
    const response = await fetch(this.#folder + path, {
      ...(signal === undefined ? {} : { signal }),
      ...(apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } }),
    }).catch((error: unknown) => {
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
    await (await openedCache())?.delete(this.#keptFolder + path);
  }

  #report(path: string, loadedBytes: number, isCached: boolean): void {
    const expected = this.#expected.get(path);
    if (expected !== undefined) this.#listener.onProgress?.({ ...expected, loadedBytes, isCached });
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
