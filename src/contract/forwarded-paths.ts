/** The Workers that answer what the gateway forwards. */
export type ForwardedWorker = 'control' | 'upstreams' | 'planning';

/** What the gateway does for requests that it forwards to another Worker. */
export interface Forwarding {
  readonly worker: ForwardedWorker;
  /** Answers are about usage, or about caches: before, what this gateway has counted is delivered. */
  readonly reportsUsage?: true;
  /** The next segment of the path is a key: once it was changed, this gateway reads the keys of its organisation again. */
  readonly changesKeys?: true;
}

const CONTROL = { worker: 'control' } as const;
const CONTROL_REPORT = { ...CONTROL, reportsUsage: true } as const;
const UPSTREAMS = { worker: 'upstreams' } as const;
const PLANNING = { worker: 'planning' } as const;

/**
 * Under which paths another Worker answers, and which one; the gateway answers everything else. The list alone, without a schema: it is all
 * that the gateway knows of these calls. Types hold it to the endpoint tables (`control-endpoints.ts` and its like).
 */
export const FORWARDED_PREFIXES = {
  '/v1/files': CONTROL,
  '/v1/uploads': CONTROL,
  '/v1/transfers': CONTROL,
  '/v1/jobs': CONTROL,
  '/v1/jobs:plan': CONTROL,
  '/v1/batches': CONTROL,
  '/v1/fine_tuning': CONTROL,
  '/v1/queues': CONTROL,
  '/v1/cohorts': CONTROL,
  '/v1/reservations': CONTROL,
  '/v1/pools': CONTROL,
  '/v1/organisations': CONTROL,
  '/v1/tenants': CONTROL,
  '/v1/projects': CONTROL,
  '/v1/audit': CONTROL,
  '/v1/keys': { ...CONTROL, changesKeys: true },
  '/v1/models': CONTROL,
  '/v1/quotas': CONTROL,
  '/v1/usage': CONTROL_REPORT,
  '/v1/invoices': CONTROL_REPORT,
  '/v1/credits': CONTROL,
  '/v1/charges': CONTROL,
  '/v1/budgets': CONTROL,
  '/v1/webhooks': CONTROL,
  '/v1/alerts': CONTROL,
  '/v1/cache': CONTROL_REPORT,
  '/v1/classify': CONTROL,
  '/v2': CONTROL,
  '/v1/chat': UPSTREAMS,
  '/v1/completions': UPSTREAMS,
  '/v1/responses': UPSTREAMS,
  '/v1/messages': UPSTREAMS,
  '/v1/moderations': UPSTREAMS,
  '/v1/upstreams': UPSTREAMS,
  '/v1/routes': UPSTREAMS,
  '/v1/prompts': UPSTREAMS,
  '/v1/requests': UPSTREAMS,
  '/v1/slos': PLANNING,
  '/v1/debt': PLANNING,
  '/v1/cost': { ...PLANNING, reportsUsage: true },
  '/v1/capacity': { ...PLANNING, reportsUsage: true },
} as const satisfies Readonly<Record<`/v${1 | 2}${string}`, Forwarding>>;

type PrefixOf<W extends ForwardedWorker> = {
  [P in keyof typeof FORWARDED_PREFIXES]: (typeof FORWARDED_PREFIXES)[P]['worker'] extends W ? P : never;
}[keyof typeof FORWARDED_PREFIXES];

type PathOf<W extends ForwardedWorker> = PrefixOf<W> | `${PrefixOf<W>}/${string}`;

/** Paths of endpoints that the control Worker answers. */
export type ControlPath = PathOf<'control'>;

/** Paths of endpoints that the upstreams Worker answers. */
export type UpstreamPath = PathOf<'upstreams'>;

/** Paths of endpoints that the planning Worker answers. */
export type PlanningPath = PathOf<'planning'>;
