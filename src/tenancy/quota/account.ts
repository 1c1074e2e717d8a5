import type { Amounts, Resource } from './amounts.ts';
import { RESOURCES } from './amounts.ts';
import type { QuotaLimits } from './quota-limits.ts';
import type { Slice } from './slice.ts';
import type { WindowKind, WindowStarts } from './window.ts';
import { windowEndMs, WINDOWS, windowStartMs } from './window.ts';

/** What has been granted in one window. */
export interface Counter {
  readonly startMs: number;
  readonly granted: number;
}

export type Counters = Readonly<Record<Resource, Readonly<Record<WindowKind, Counter>>>>;

/** The quota of one tenant: its limits and what is granted against them. Granted is spent, whether it gets used or not. */
export interface Account {
  readonly limits: QuotaLimits;
  readonly counters: Counters;
}

export interface Ask {
  /** All of it or nothing. */
  readonly need: Amounts;
  /** The whole draw this is for; `need` is what the asker's slice does not cover. Tells a limit that can never be met. */
  readonly draw: Amounts;
  /** What the asker could use before it asks again; at least `need`. */
  readonly want: Amounts;
  /** Remainders of earlier slices. Each may be handed in once. */
  readonly returned: readonly Slice[];
}

export type Decision = Granted | Refused;

/** The minute that a decision was made in, as its asker may tell the caller. */
export interface Minute {
  readonly limits: Amounts;
  /** What is left after the decision. */
  readonly remaining: Amounts;
  /** Until the minute ends. */
  readonly lifeMs: number;
}

export interface Granted {
  readonly kind: 'granted';
  /** To be used before the minute ends. */
  readonly slice: Slice;
  readonly minute: Minute;
}

export interface Refused {
  readonly kind: 'refused';
  readonly minute: Minute;
  readonly resource: Resource;
  readonly window: WindowKind;
  readonly limit: number;
  readonly needed: number;
  /** Until the window ends; null when the need is above the limit itself, so that waiting cannot help. */
  readonly retryAfterMs: number | null;
}

/** A slice takes at most this share of what is left, so that idle slices cannot strand the end of a budget. */
const SLICE_SHARE = 32;

const NOT_STARTED: Counter = { startMs: 0, granted: 0 };
const NO_COUNTERS = { minute: NOT_STARTED, day: NOT_STARTED, month: NOT_STARTED };

export const openAccount = (limits: QuotaLimits): Account => ({ limits, counters: { requests: NO_COUNTERS, tokens: NO_COUNTERS } });

/** Takes a slice: credits what comes back, then grants `need` and as much of `want` as is fair, or refuses and grants nothing. */
export function take(account: Account, ask: Ask, nowMs: number): { readonly account: Account; readonly decision: Decision } {
  const counters = ask.returned.reduce(credit, roll(account.counters, nowMs));
  const current = { limits: account.limits, counters };
  const refused = refusalOf(current, ask, nowMs);
  if (refused !== undefined) return { account: current, decision: refused };
  const units = amounts((resource) => {
    const fair = Math.floor(remainingOf(current, resource) / SLICE_SHARE);
    return Math.max(ask.need[resource], Math.min(ask.want[resource], fair));
  });
  const granted = { limits: account.limits, counters: debit(counters, units) };
  return { account: granted, decision: grant(granted, units, nowMs) };
}

/** Opens the windows that `nowMs` lies in. A clock that steps back never reopens a window that has ended. */
export function roll(counters: Counters, nowMs: number): Counters {
  return eachCounter(counters, (counter, _, window) => {
    const startMs = windowStartMs(window, nowMs);
    return startMs > counter.startMs ? { startMs, granted: 0 } : counter;
  });
}

// A remainder counts only in the windows it was granted in: what they let pass unused is gone with them.
function credit(counters: Counters, { units, startsMs }: Slice): Counters {
  return eachCounter(counters, (counter, resource, window) =>
    counter.startMs === startsMs[window] ? { ...counter, granted: Math.max(0, counter.granted - units[resource]) } : counter,
  );
}

const debit = (counters: Counters, units: Amounts): Counters =>
  eachCounter(counters, (counter, resource) => ({ ...counter, granted: counter.granted + units[resource] }));

function grant(account: Account, units: Amounts, nowMs: number): Granted {
  const startsMs = Object.fromEntries(WINDOWS.map((window) => [window, account.counters.requests[window].startMs])) as Record<
    WindowKind,
    number
  >;
  return {
    kind: 'granted',
    slice: { units, startsMs: startsMs satisfies WindowStarts },
    minute: minuteOf(account, nowMs),
  };
}

const minuteOf = (account: Account, nowMs: number): Minute => ({
  limits: amounts((resource) => account.limits[resource].minute ?? Number.MAX_SAFE_INTEGER),
  remaining: amounts((resource) => leftIn(account, resource, 'minute')),
  lifeMs: windowEndMs('minute', account.counters.requests.minute.startMs) - nowMs,
});

/** The longest wait first: whoever has spent the month need not be told about the minute. */
function refusalOf(account: Account, ask: Ask, nowMs: number): Refused | undefined {
  for (const window of [...WINDOWS].reverse()) {
    for (const resource of RESOURCES) {
      if (ask.need[resource] <= leftIn(account, resource, window)) continue;
      const needed = ask.draw[resource];
      const limit = account.limits[resource][window] ?? 0;
      const endsMs = windowEndMs(window, account.counters[resource][window].startMs);
      const retryAfterMs = needed > limit ? null : endsMs - nowMs;
      return { kind: 'refused', minute: minuteOf(account, nowMs), resource, window, limit, needed, retryAfterMs };
    }
  }
  return undefined;
}

const remainingOf = (account: Account, resource: Resource): number =>
  Math.min(...WINDOWS.map((window) => leftIn(account, resource, window)));

function leftIn({ limits, counters }: Account, resource: Resource, window: WindowKind): number {
  const limit = limits[resource][window];
  return limit === null ? Number.MAX_SAFE_INTEGER : Math.max(0, limit - counters[resource][window].granted);
}

const amounts = (of: (resource: Resource) => number): Amounts => ({ requests: of('requests'), tokens: of('tokens') });

function eachCounter(counters: Counters, change: (counter: Counter, resource: Resource, window: WindowKind) => Counter): Counters {
  const changed = (resource: Resource) => ({
    minute: change(counters[resource].minute, resource, 'minute'),
    day: change(counters[resource].day, resource, 'day'),
    month: change(counters[resource].month, resource, 'month'),
  });
  return { requests: changed('requests'), tokens: changed('tokens') };
}
