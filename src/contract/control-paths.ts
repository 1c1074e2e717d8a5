/** What the gateway does for requests that it forwards to the control Worker. */
interface Forwarding {
  /** Answers are about usage, or about caches: before, what this gateway has counted is delivered. */
  readonly reportsUsage?: true;
  /** The next segment of the path is a key: once it was changed, this gateway reads the keys of its organisation again. */
  readonly changesKeys?: true;
}

const PLAIN: Forwarding = {};
const REPORT: Forwarding = { reportsUsage: true };
const KEYS: Forwarding = { changesKeys: true };

/**
 * Under which paths the control Worker answers; the gateway answers everything else. The list alone, without a schema: it is all that the
 * gateway knows of these calls. Types hold it to the endpoint table (`control-endpoints.ts`).
 */
export const CONTROL_PREFIXES = {
  '/v1/files': PLAIN,
  '/v1/uploads': PLAIN,
  '/v1/transfers': PLAIN,
  '/v1/jobs': PLAIN,
  '/v1/jobs:plan': PLAIN,
  '/v1/batches': PLAIN,
  '/v1/fine_tuning': PLAIN,
  '/v1/queues': PLAIN,
  '/v1/cohorts': PLAIN,
  '/v1/reservations': PLAIN,
  '/v1/pools': PLAIN,
  '/v1/organisations': PLAIN,
  '/v1/tenants': PLAIN,
  '/v1/projects': PLAIN,
  '/v1/audit': PLAIN,
  '/v1/keys': KEYS,
  '/v1/models': PLAIN,
  '/v1/quotas': PLAIN,
  '/v1/usage': REPORT,
  '/v1/invoices': REPORT,
  '/v1/credits': PLAIN,
  '/v1/charges': PLAIN,
  '/v1/budgets': PLAIN,
  '/v1/webhooks': PLAIN,
  '/v1/alerts': PLAIN,
  '/v1/cache': REPORT,
  '/v1/classify': PLAIN,
  '/v2': PLAIN,
} as const satisfies Readonly<Record<`/v${1 | 2}${string}`, Forwarding>>;

type ControlPrefix = keyof typeof CONTROL_PREFIXES;

/** Paths of endpoints that the control Worker answers. */
export type ControlPath = ControlPrefix | `${ControlPrefix}/${string}`;
