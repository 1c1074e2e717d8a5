import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { unreachable } from '../../src/kernel/assert.ts';

// How an agent learns that its machine will be taken away. [P126]

/** Where that is said: the metadata of a provider, or what its operator names. */
export type NoticeSource =
  | { readonly kind: 'aws' | 'gcp' | 'azure' | 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string };

/** Where the metadata of providers is, on each of their machines. */
const METADATA = {
  aws: 'http://169.254.169.254',
  gcp: 'http://metadata.google.internal',
  azure: 'http://169.254.169.254',
} as const;

/** The notice of each provider where it names no time: AWS gives 120 s, Google and Azure 30 s. */
const NOTICE_S = { aws: 120, gcp: 30, azure: 30, url: 120, file: 120 } as const;

const POLL_MS = 2_000;
const ANSWER_MS = 1_500;

/**
 * By `SLUICE_AGENT_NOTICE`: `aws`, `gcp` or `azure`, also as `aws=http://host` for metadata elsewhere; the URL or the path of a file, which are there
 * from the notice on. Undefined where it is not set. Throws where it is none of these.
 */
export function noticeSourceIn(environment: Readonly<Record<string, string | undefined>>): NoticeSource | undefined {
  const text = environment['SLUICE_AGENT_NOTICE'];
  if (text === undefined || text === '') return undefined;
  const [, provider, base] = /^(aws|gcp|azure)(?:=(https?:\/\/.+?)\/?)?$/.exec(text) ?? [];
  if (provider !== undefined) {
    const kind = provider as keyof typeof METADATA;
    return { kind, url: base ?? METADATA[kind] };
  }
  if (/^https?:\/\//.test(text)) return { kind: 'url', url: text };
  if (text.startsWith('/')) return { kind: 'file', path: text };
  throw new Error(`SLUICE_AGENT_NOTICE must be aws, gcp, azure, a URL or an absolute path, not "${text}"`);
}

interface Ports {
  readonly say: (inS: number, signal: AbortSignal) => Promise<void>;
  readonly stopped: AbortSignal;
  readonly nowMs?: () => number;
  readonly pollMs?: number;
}

/** Looks for a notice until there is one and it was said. A source that does not answer is asked again; it says nothing of the machine. */
export async function watchForNotice(source: NoticeSource, { say, stopped, nowMs = Date.now, pollMs = POLL_MS }: Ports): Promise<void> {
  while (!stopped.aborted) {
    try {
      const inS = await noticeOf(source, nowMs());
      if (inS !== null) return await say(inS, stopped);
    } catch {
      // Asked again.
    }
    await sleep(pollMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}

/** In how many whole seconds the machine is taken away; null where no notice is given. */
export async function noticeOf(source: NoticeSource, nowMs: number): Promise<number | null> {
  const text = await ASK[source.kind](source as never);
  if (text === null) return null;
  const atMs = timeIn(source.kind, text);
  if (atMs === null) return null;
  return Number.isNaN(atMs) ? NOTICE_S[source.kind] : Math.max(0, Math.floor((atMs - nowMs) / 1_000));
}

type AtUrl = Extract<NoticeSource, { readonly url: string }>;

/** What each source says; null: nothing. */
const ASK = {
  // IMDSv2: a token first.
  aws: async ({ url }: AtUrl) => {
    const token = await textAt(`${url}/latest/api/token`, { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } });
    return textAt(`${url}/latest/meta-data/spot/instance-action`, { headers: { 'x-aws-ec2-metadata-token': token ?? '' } });
  },
  gcp: ({ url }: AtUrl) => textAt(`${url}/computeMetadata/v1/instance/preempted`, { headers: { 'metadata-flavor': 'Google' } }),
  azure: ({ url }: AtUrl) => textAt(`${url}/metadata/scheduledevents?api-version=2020-07-01`, { headers: { metadata: 'true' } }),
  url: ({ url }: AtUrl) => textAt(url, {}),
  file: async ({ path }: Extract<NoticeSource, { readonly kind: 'file' }>) => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  },
} as const;

async function textAt(url: string, init: RequestInit): Promise<string | null> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return text;
}

interface AzureEvents {
  readonly Events?: readonly { readonly EventType?: string; readonly NotBefore?: string }[];
}

/** When the machine is taken away, in ms since the Unix epoch; NaN where that is not said; null where it is not taken away. */
function timeIn(kind: NoticeSource['kind'], text: string): number | null {
  switch (kind) {
    case 'aws':
      return Date.parse((JSON.parse(text) as { readonly time?: string }).time ?? '');
    case 'gcp':
      return text.trim() === 'TRUE' ? NaN : null;
    case 'azure': {
      const taken = (JSON.parse(text) as AzureEvents).Events?.find(({ EventType: type }) => type === 'Preempt' || type === 'Terminate');
      return taken === undefined ? null : Date.parse(taken.NotBefore ?? '');
    }
    case 'url':
    case 'file':
      return Date.parse(text.trim());
    default:
      return unreachable(kind);
  }
}
