import { soundMsMax } from '../media/sound-length.ts';

/** How much an attached file gives a model to read. */
export type FileSize =
  /** Of text: a token is a byte at least. */
  | { readonly kind: 'text'; readonly bytes: number }
  | { readonly kind: 'pages'; readonly pages: number }
  /** Its bytes do not say: only the context bounds it. */
  | { readonly kind: 'unknown' };

/** A page whose objects are compressed takes so many bytes of a PDF at least; Anthropic takes 600 pages at most, OpenAI fewer. */
const PAGE_BYTES_MIN = 1_024;
const PAGES_MAX = 600;
/** Characters of base64 that are decoded at once: a multiple of four. */
const BASE64_STEP = 1 << 16;
/** What is searched for is no longer, wherever pieces end. */
const OVERLAP_CHARS = 32;

const DATA_URL = /^data:([\w.+/-]*)[^,]{0,128},/;
const TEXT_TYPES = /^(?:text\/|application\/(?:json|xml|yaml|x-ndjson|javascript)$)/;

/** Of a file in base64, alone or as a data URL. `type`: what else is said of its type. */
export function fileSizeOf(data: string, type = ''): FileSize {
  const url = DATA_URL.exec(data.slice(0, 256));
  const from = url?.[0].length ?? 0;
  const kind = type === '' ? (url?.[1] ?? '') : type;
  if (TEXT_TYPES.test(kind)) return { kind: 'text', bytes: Math.ceil(((data.length - from) * 3) / 4) };
  const isPdf = kind === 'application/pdf' || data.startsWith('JVBER', from);
  return isPdf ? { kind: 'pages', pages: pagesOf(data, from) } : { kind: 'unknown' };
}

/**
 * Pages of a PDF at most: its page objects are counted where they stand; where a PDF has streams of compressed objects, they may be in those, and its
 * bytes bound their number. What is no base64 the upstream refuses. [U263]
 */
function pagesOf(data: string, from: number): number {
  let [pages, isCompressed, tail] = [0, false, ''];
  for (let at = from; at < data.length; at += BASE64_STEP) {
    const piece = decoded(data.slice(at, at + BASE64_STEP));
    const text = tail + piece;
    const isLast = at + BASE64_STEP >= data.length;
    for (const { index, 0: found } of text.matchAll(/\/Type\s{0,8}\/Page(?![a-zA-Z])/g)) {
      const end = index + found.length;
      // What ends within the overlap was counted before; what ends with the piece may go on, as `/Pages`.
      if (end >= tail.length && (isLast || end < text.length)) pages += 1;
    }
    isCompressed ||= text.includes('/ObjStm');
    tail = text.slice(-OVERLAP_CHARS);
  }
  const byBytes = isCompressed ? Math.ceil(((data.length - from) * 3) / 4 / PAGE_BYTES_MIN) : 1;
  return Math.min(PAGES_MAX, Math.max(pages, byBytes));
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return '';
  }
}

/** Of the beginning of a sound, so much is looked at for its rate: a multiple of four. */
const HEAD_CHARS = 64;

/** How long a sound in base64 lasts at most, in milliseconds. */
export function audioMsOfBase64(data: string): number {
  const from = DATA_URL.exec(data.slice(0, 256))?.[0].length ?? 0;
  const head = Uint8Array.from(decoded(data.slice(from, from + HEAD_CHARS)), (char) => char.charCodeAt(0));
  return soundMsMax(head, Math.ceil(((data.length - from) * 3) / 4));
}
