import { callAtStartOf } from '../../../src/contract/api/call-paths.ts';
import { closestTo } from '../../../src/contract/api/closest-word.ts';
import { SUBJECTS, subjectOf } from '../../../src/contract/subjects.ts';

/** The path that was meant, and, where the address of the client is at fault, what to do about it. */
export interface MeantPath {
  readonly path: string;
  readonly advice?: string;
}

/** Calls that clients of other servers make, by how their paths begin. */
const OF_OTHERS: readonly (readonly [beginning: RegExp, path: string])[] = [
  [/^\/api\/(?:chat|generate)$/, '/v1/chat/completions'],
  [/^\/api\/(?:embed|embeddings)$/, '/v1/embeddings'],
  [/^\/api\/tags$/, '/v1/models'],
  [/^\/api\/v[12]\/(?:.*\/)?collections/, '/v1/indexes'],
  [/^\/(?:query|upsert|vectors)(?:\/|$)/, '/v1/indexes'],
];

/** What follows the last `/v1` of a path that has something before it, as those of proxies and of Azure's clients have. */
const BEHIND_PREFIX = /^\/.+?(\/v1\/.+)$|^\/openai\/deployments\/[^/]+(\/.+)$/;

/** The path of the API that a caller meant by one that no route answers; `patterns`: those of the paths of the same subject. [G148] */
export function meantPath(path: string, patterns: readonly string[]): MeantPath | undefined {
  return byAddress(path) ?? bySlip(path, patterns);
}

function byAddress(path: string): MeantPath | undefined {
  if (path.startsWith('/v1/v1/')) return { path: path.slice('/v1'.length), advice: 'give this client the address without /v1' };
  const call = callAtStartOf(path);
  // `/v1/messages/batches` begins with a call, too, and is a path of its own.
  const isOwn = WORDS.some((word) => word.startsWith(`${call?.slice(1)}/`) && path.startsWith(`/v1/${word}`));
  if (call !== undefined && !isOwn) {
    const meant = below(path.slice(`/v1${call}`.length));
    if (subjectOf(meant) !== undefined) return { path: meant, advice: `give this client the address without ${call}` };
  }
  const behind = BEHIND_PREFIX.exec(path);
  const meant = behind?.[1] ?? (behind?.[2] === undefined ? below(path) : below(behind[2]));
  if (meant !== path && subjectOf(meant) !== undefined) return { path: meant, advice: 'paths of the API begin with /v1' };
  const other = OF_OTHERS.find(([beginning]) => beginning.test(path));
  return other && { path: other[1] };
}

const below = (path: string): string => (path.startsWith('/v1/') ? path : `/v1${path}`);

/** The path with the words in place that come closest to those that are not known. */
function bySlip(path: string, patterns: readonly string[]): MeantPath | undefined {
  const given = path.split('/');
  const [, first = '', second = '', ...rest] = given;
  if (first === 'v1' && subjectOf(`/${second}`) !== undefined) return { path: ['', second, ...rest].join('/') };
  const fitting = patterns.map((pattern) => fitted(given, pattern.split('/'))).filter((one) => one !== undefined);
  const [closest] = fitting.toSorted((one, other) => one.slips - other.slips);
  if (closest !== undefined) return { path: closest.path };
  const word = first === 'v1' ? closestTo(second, WORDS) : undefined;
  return word === undefined ? undefined : { path: ['', first, word, ...rest].join('/') };
}

/** What comes second in paths of the API. */
const WORDS: readonly string[] = Object.values(SUBJECTS)
  .flatMap(({ prefixes }) => [...prefixes])
  .flatMap((prefix) => (prefix.startsWith('/v1/') ? [prefix.slice('/v1/'.length)] : []));

/** A path that is like a pattern but for some words; undefined: it is not. */
function fitted(given: readonly string[], pattern: readonly string[]): { readonly path: string; readonly slips: number } | undefined {
  if (given.length !== pattern.length) return undefined;
  let slips = 0;
  const words = pattern.map((word, i) => {
    const sent = given[i] ?? '';
    if (word === sent || word.startsWith(':')) return sent;
    slips += 1;
    return closestTo(sent, [word]);
  });
  return words.every((word) => word !== undefined) ? { path: words.join('/'), slips } : undefined;
}
