/**
 * Who answers which paths. The gateway loads the code of a subject, and makes its schemas, at the first call below one of its prefixes: the start
 * of an isolate pays for none of them. `parts` names what its handlers may use (`Parts` in workers/gateway/pipeline/call.ts).
 * A prefix is the first two segments of a path below `/v1`, or the first three, the first of any other, and below `/v2` either, the longer before the shorter.
 */
export const SUBJECTS = {
  embeddings: {
    parts: 'embeddings',
    prefixes: ['/v1/embeddings', '/v1/rerank', '/v1/embed', '/v2/embed', '/v2/rerank', '/embed', '/rerank', '/tei'],
  },
  vectors: { parts: 'retrieval', prefixes: ['/v1/indexes', '/v1/aliases', '/v1/erasures'] },
  qdrant: {
    parts: 'retrieval',
    prefixes: ['/', '/qdrant', '/collections', '/aliases', '/livez', '/cluster', '/issues', '/locks', '/snapshots', '/telemetry'],
  },
  files: { parts: 'control', prefixes: ['/v1/files', '/v1/uploads'] },
  jobs: { parts: 'control', prefixes: ['/v1/jobs', '/v1/jobs:plan', '/v1/batches', '/v1/messages/batches', '/v1/fine_tuning'] },
  queues: { parts: 'control', prefixes: ['/v1/queues', '/v1/cohorts', '/v1/reservations'] },
  pools: { parts: 'control', prefixes: ['/v1/pools', '/v1/transfers'] },
  tenancy: { parts: 'control', prefixes: ['/v1/organisations', '/v1/tenants', '/v1/projects', '/v1/audit', '/v1/keys', '/v1/quotas'] },
  billing: {
    parts: 'control',
    prefixes: ['/v1/usage', '/v1/invoices', '/v1/credits', '/v1/charges', '/v1/budgets', '/v1/webhooks', '/v1/alerts'],
  },
  caches: { parts: 'control', prefixes: ['/v1/cache'] },
  models: { parts: 'control', prefixes: ['/v1/models', '/v1/classify', '/v2'] },
  upstreams: {
    parts: 'upstreams',
    prefixes: [
      '/v1/upstreams',
      '/v1/chat',
      '/v1/completions',
      '/v1/responses',
      '/v1/conversations',
      '/v1/stored_answers',
      '/v1/messages',
      '/v1/moderations',
      '/v1/images',
      '/v1/audio',
    ],
  },
  routes: { parts: 'upstreams', prefixes: ['/v1/routes'] },
  prompts: { parts: 'upstreams', prefixes: ['/v1/prompts'] },
  requests: { parts: 'upstreams', prefixes: ['/v1/requests'] },
  planning: { parts: 'planning', prefixes: ['/v1/slos', '/v1/capacity', '/v1/cost'] },
  debt: { parts: 'planning', prefixes: ['/v1/debt'] },
} as const satisfies Readonly<Record<string, { readonly parts: string; readonly prefixes: readonly `/${string}`[] }>>;

export type Subject = keyof typeof SUBJECTS;

/** Paths of endpoints that belong to no subject: each isolate answers them, whatever else it has loaded. */
export type CorePath = '/healthz' | '/readyz' | '/metrics';

/** What handlers may use besides what every request takes. */
type PartsName = (typeof SUBJECTS)[Subject]['parts'];

type PrefixOf<P extends PartsName> = {
  [S in Subject]: (typeof SUBJECTS)[S]['parts'] extends P ? (typeof SUBJECTS)[S]['prefixes'][number] : never;
}[Subject];

/** Paths of endpoints whose handlers may use these parts. */
export type PathOf<P extends PartsName> = PrefixOf<P> | `${Exclude<PrefixOf<P>, '/'>}/${string}`;

const BY_PREFIX: ReadonlyMap<string, Subject> = new Map(
  (Object.keys(SUBJECTS) as Subject[]).flatMap((subject) => SUBJECTS[subject].prefixes.map((prefix) => [prefix, subject] as const)),
);

/** The subject of a path; undefined: what each isolate has, such as probes and files, and paths that nothing answers. */
export function subjectOf(path: string): Subject | undefined {
  const first = path.slice(0, segmentEnd(path, 1));
  if (first !== '/v1' && first !== '/v2') return BY_PREFIX.get(first);
  const secondEnd = segmentEnd(path, first.length + 1);
  const two = BY_PREFIX.get(path.slice(0, secondEnd));
  if (first === '/v2') return two ?? BY_PREFIX.get(first);
  return path.length === secondEnd ? two : (BY_PREFIX.get(path.slice(0, segmentEnd(path, secondEnd + 1))) ?? two);
}

function segmentEnd(path: string, from: number): number {
  const end = path.indexOf('/', from);
  return end === -1 ? path.length : end;
}
