import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Stored {
  readonly content: Uint8Array;
  /** What the hub lists of it, which may be another content's. */
  readonly listed: Uint8Array;
}

interface Asked {
  readonly of: 'hub' | 'storage';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

const hashed = (algorithm: string, ...parts: (string | Uint8Array)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest('hex');
const gitId = (content: Uint8Array): string => hashed('sha1', `blob ${content.length}\0`, content);

/**
 * A hub on this machine with one repository, as the Hugging Face hub answers: large files are pointers of git's large file storage, whose
 * content a redirect finds at a server of its own; its etags, sizes and hashes are in the headers of the redirect.
 */
export class ModelHub {
  readonly asked: Asked[] = [];
  commit = '0123456789abcdef0123456789abcdef01234567';
  /** Only requests with this token find the repository. */
  token: string | undefined;
  /** Bytes after which the storage sends nothing more, request by request, until `cutAt`. */
  readonly cuts: number[] = [];
  /** Whether the storage has no ranges, and sends all of a file. */
  isWithoutRanges = false;
  /** The SHA-256 that redirects announce, if it is not what is listed. */
  announced: string | undefined;
  /** Of the next requests: statuses that are answered instead. */
  readonly failures: number[] = [];
  #stalled: { readonly response: ServerResponse; readonly at: number } | undefined;
  readonly #files = new Map<string, Stored>();
  readonly #hub = createServer((request, response) => this.#answer('hub', request, response));
  readonly #storage = createServer((request, response) => this.#answer('storage', request, response));

  readonly repository: string;

  constructor(repository: string) {
    this.repository = repository;
  }

  async start(): Promise<this> {
    for (const server of [this.#hub, this.#storage]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return this;
  }

  get endpoint(): string {
    return originOf(this.#hub);
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  put(path: string, content: Uint8Array, listed = content): void {
    this.#files.set(path, { content, listed });
  }

  /** What was asked for of a path, by the server that it was asked of. */
  askedFor(path: string, of: Asked['of']): Asked[] {
    return this.asked.filter((asked) => asked.of === of && asked.path.endsWith(path));
  }

  /** Cuts the connection that was to be cut, once the client has this many bytes of the file. */
  cutAt(bytes: number): void {
    if (this.#stalled?.at === bytes) this.#stalled.response.destroy();
  }

  #answer(of: Asked['of'], request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, searchParams } = new URL(request.url ?? '/', this.endpoint);
    const { range, authorization } = request.headers;
    this.asked.push({ of, path, range, authorization });
    const failure = this.failures.shift();
    if (failure !== undefined) return end(response, failure, {});
    if (of === 'storage') return this.#send(response, this.#listedAs(path.slice(path.lastIndexOf('/') + 1)), range, {});
    if (this.token !== undefined && authorization !== `Bearer ${this.token}`)
      return end(response, 401, { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access to the model is restricted' });
    if (path.includes('/circle/')) return end(response, 307, { location: request.url ?? '' });
    // The hub knows a repository that was renamed by its old name, too.
    if (path.includes('/renamed/')) return end(response, 307, { location: (request.url ?? '').replace('renamed/model', this.repository) });
    const revision = new RegExp(`^/api/models/${this.repository}/revision/([^/]+)$`).exec(path)?.[1];
    if (revision !== undefined) return this.#sendListing(response, revision, searchParams.get('blobs') === 'true');
    return this.#resolve(response, path, range);
  }

  #listedAs(sha256: string): Stored | undefined {
    return [...this.#files.values()].find(({ listed }) => hashed('sha256', listed) === sha256);
  }

  #resolve(response: ServerResponse, path: string, range: string | undefined): void {
    const [, commit, name = ''] = new RegExp(`^/${this.repository}/resolve/([^/]+)/(.+)$`).exec(path) ?? [];
    const file = this.#files.get(decodeURIComponent(name));
    if (commit === undefined) return end(response, 404, { 'x-error-code': 'RepoNotFound' });
    if (file === undefined || commit !== this.commit) return end(response, 404, { 'x-error-code': 'EntryNotFound' });
    const headers = { 'x-repo-commit': this.commit, 'accept-ranges': 'bytes' };
    if (!isLarge(name)) return this.#send(response, file, range, { ...headers, etag: `"${gitId(file.listed)}"` });
    const sha256 = hashed('sha256', file.listed);
    const linked = { 'x-linked-size': String(file.listed.length), 'x-linked-etag': `"${this.announced ?? sha256}"` };
    return end(response, 302, { ...headers, ...linked, location: `${originOf(this.#storage)}/repos/${sha256}?signature=x` });
  }

  #sendListing(response: ServerResponse, revision: string, withBlobs: boolean): void {
    if (!['main', 'v1', this.commit].includes(revision)) return end(response, 404, { 'x-error-code': 'RevisionNotFound' });
    return end(response, 200, { 'content-type': 'application/json' }, JSON.stringify(this.#listing(withBlobs)));
  }

  #listing(withBlobs: boolean): unknown {
    const siblings = [...this.#files].map(([path, { listed }]) => {
      if (!withBlobs) return { rfilename: path };
      if (!isLarge(path)) return { rfilename: path, size: listed.length, blobId: gitId(listed) };
      const sha256 = hashed('sha256', listed);
      const pointer = new TextEncoder().encode(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${listed.length}\n`);
      const lfs = { sha256, size: listed.length, pointerSize: pointer.length };
      return { rfilename: path, size: listed.length, blobId: gitId(pointer), lfs };
    });
    return {
      id: this.repository,
      modelId: this.repository,
      sha: this.commit,
      private: false,
      cardData: { license: 'apache-2.0' },
      siblings,
    };
  }

  #send(response: ServerResponse, file: Stored | undefined, range: string | undefined, headers: Readonly<Record<string, string>>): void {
    if (file === undefined) return end(response, 404, {});
    const { content } = file;
    const from = this.isWithoutRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from >= content.length && from > 0) return end(response, 416, { 'content-range': `bytes */${content.length}` });
    const partial = from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { ...headers, ...partial, 'content-length': content.length - from });
    const cut = this.cuts.shift();
    if (cut === undefined) response.end(content.subarray(from));
    else {
      response.write(content.subarray(from, from + cut));
      this.#stalled = { response, at: from + cut };
    }
  }
}

const isLarge = (path: string): boolean => /\.onnx(?:_data)?$/.test(path);

const originOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function end(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body = ''): void {
  response.writeHead(status, headers).end(body);
}
