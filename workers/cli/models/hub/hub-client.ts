import * as z from 'zod';

import { Failure } from '../../command/command.ts';
import type { HubReference } from './hub-reference.ts';
import { shownReference } from './hub-reference.ts';

/** A file of a repository, with the hash that its content must have: SHA-256 of files in large file storage, git's SHA-1 of others. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  readonly hash: { readonly kind: 'sha256' | 'git'; readonly hex: string };
}

/** A repository at a commit. */
export interface HubRevision {
  readonly commit: string;
  readonly licence?: string | undefined;
  readonly files: readonly HubFile[];
}

/** The hub did not answer, or is busy: a repetition may succeed, and what was downloaded before may do. */
export class HubUnavailable extends Failure {}

interface HubClientParts {
  readonly endpoint: URL;
  readonly token?: string | undefined;
}

/** Pages of the hub are some kilobytes; a repository of thousands of files has some hundred. */
const LISTING_CHARS_MAX = 16 * 1024 * 1024;
const REDIRECTS_MAX = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const listing = z.object({
  sha: hex(40),
  cardData: z.object({ license: z.unknown() }).partial().nullish(),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().min(0),
      blobId: hex(40),
      lfs: z.object({ sha256: hex(64), size: z.int().min(0) }).nullish(),
    }),
  ),
});

/** Speaks the protocol of the Hugging Face hub: the listing of a revision, and the content of its files. */
export class HubClient {
  readonly #endpoint: URL;
  readonly #token: string | undefined;

  constructor({ endpoint, token }: HubClientParts) {
    this.#endpoint = endpoint;
    this.#token = token;
  }

  /** What a revision holds, with the commit that it is now. */
  async revision({ repository, revision }: HubReference): Promise<HubRevision> {
    const path = `api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const response = await this.#get(path, {}, shownReference(repository, revision));
    const text = await response.text().catch(unavailable);
    const parsed = text.length > LISTING_CHARS_MAX ? undefined : listing.safeParse(parseJson(text));
    if (parsed?.success !== true)
      throw new Failure(`${this.#endpoint.origin} does not answer as a hub: its listing of ${repository} cannot be read`);
    const { sha: commit, cardData, siblings } = parsed.data;
    const licence = cardData?.license;
    return {
      commit,
      licence: typeof licence === 'string' ? licence : undefined,
      files: siblings.map(({ rfilename: name, size, blobId, lfs }) =>
        lfs == null
          ? { path: name, bytes: size, hash: { kind: 'git', hex: blobId } }
          : { path: name, bytes: lfs.size, hash: { kind: 'sha256', hex: lfs.sha256 } },
      ),
    };
  }

  /** The content of a file from a byte on (206), or all of it (200). 416: there is nothing from that byte on. */
  async open(repository: string, commit: string, { path, hash }: HubFile, from: number): Promise<Response> {
    const url = `${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
    // Of content that is compressed on its way, ranges would be those of the compressed bytes.
    const headers = { 'accept-encoding': 'identity', ...(from === 0 ? {} : { range: `bytes=${from}-` }) };
    return this.#get(url, headers, `${path} of ${shownReference(repository, commit)}`, (linked) => {
      const announced = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(linked)?.[1];
      if (hash.kind === 'sha256' && announced !== undefined && announced !== hash.hex)
        throw new Failure(`${path}: the hub lists the SHA-256 ${hash.hex}, and serves ${announced}`);
    });
  }

  /** Follows redirects itself: the token goes to the hub alone, and the hub says on the way what it links to. [M92] */
  async #get(path: string, headers: Readonly<Record<string, string>>, what: string, onLinked?: (etag: string) => void): Promise<Response> {
    let url = new URL(path, this.#endpoint);
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
      const isOwn = url.origin === this.#endpoint.origin;
      const authorization = isOwn && this.#token !== undefined ? { authorization: `Bearer ${this.#token}` } : {};
      const response = await fetch(url, { redirect: 'manual', headers: { ...headers, ...authorization } }).catch(unavailable);
      if (isOwn) onLinked?.(response.headers.get('x-linked-etag') ?? '');
      if (response.ok || response.status === 416) return response;
      if (!REDIRECTS.has(response.status)) throw await refusalOf(response, what);
      await response.body?.cancel();
      url = redirected(url, response.headers.get('location') ?? '', what);
    }
    throw new Failure(`${what}: the hub redirects more than ${REDIRECTS_MAX} times`);
  }
}

/** Where a redirect leads; not from HTTPS to less. */
function redirected(from: URL, location: string, what: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:')) return to;
  throw new Failure(`${what}: the hub redirects to ${to === undefined ? 'no URL' : `${to.protocol}//${to.host}, which is not HTTPS`}`);
}

async function refusalOf(response: Response, what: string): Promise<Failure> {
  await response.body?.cancel();
  const code = response.headers.get('x-error-code');
  const reason = response.headers.get('x-error-message') ?? code ?? `status ${response.status}`;
  if (response.status === 429 || response.status >= 500) return new HubUnavailable(`${what}: the hub is busy (${reason})`);
  if (response.status === 401 || response.status === 403)
    return new Failure(
      `${what}: there is no such model, or it takes a token: set HF_TOKEN, and accept the model's terms on its page (${reason})`,
    );
  return new Failure(`${what}: ${response.status === 404 ? 'there is no such model, revision or file' : 'the hub refuses it'} (${reason})`);
}

function unavailable(error: unknown): never {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  throw new HubUnavailable(`the hub does not answer: ${cause instanceof Error ? cause.message : String(cause)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
