/** How soon a call is to be served, as its caller states. */
export interface CallUrgency {
  /** Higher is served first where requests wait. */
  readonly priority: number;
  /** How long the caller waits for the answer to begin; absent: not stated. */
  readonly deadlineMs?: number;
}

/** OpenAI's tiers of service, as priorities. */
const TIER_PRIORITIES: Readonly<Record<string, number>> = { priority: 1, flex: -1 };

/** What the clients of OpenAI and Anthropic send of their own timeout, in seconds. */
const CLIENT_TIMEOUT_HEADERS = ['x-stainless-timeout', 'x-stainless-read-timeout'];

/** A client that waits no longer throws what its users catch, if no refusal comes before. By then the call is over here, too. */
const CLIENT_TIMEOUT_MORE_MS = 1_000;

/**
 * The priority that the header names, else that of the tier; the deadline that the header names, else a second behind the timeout of the caller's client. [U63]
 * `header`: of the caller, by its name in lower case. What is no number counts as absent.
 */
export function urgencyOf(body: Readonly<Record<string, unknown>>, header: (name: string) => string | undefined): CallUrgency {
  const tier = body['service_tier'];
  const priority = Number(header('x-sluice-priority') ?? Number.NaN);
  const timeouts = CLIENT_TIMEOUT_HEADERS.map((name) => positive(header(name)) * 1_000 + CLIENT_TIMEOUT_MORE_MS);
  const deadlineMs = [positive(header('x-sluice-deadline-ms')), ...timeouts].find(Number.isFinite);
  return {
    priority: Number.isFinite(priority) ? priority : typeof tier === 'string' ? (ownPriority(tier) ?? 0) : 0,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

const ownPriority = (tier: string): number | undefined => (Object.hasOwn(TIER_PRIORITIES, tier) ? TIER_PRIORITIES[tier] : undefined);

/** NaN where it is no time. */
function positive(text: string | undefined): number {
  const value = Number(text ?? Number.NaN);
  return value > 0 ? value : Number.NaN;
}
