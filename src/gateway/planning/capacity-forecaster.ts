import { assumed } from '../../capacity/assumptions.ts';
import type { ForecastPath } from '../../capacity/forecast/saturation.ts';
import type { SeriesForecast } from '../../capacity/forecast/series-forecast.ts';
import { forecastSeries, stepsNeeded } from '../../capacity/forecast/series-forecast.ts';
import type { ForecastQuery, ForecastResource } from '../../contract/planning/capacity.ts';
import type { HistoryBody, HistoryQuery } from '../../contract/planning/history.ts';
import { SHAPE_OF } from '../../capacity/history/step-grid.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { assert, must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { windowStartMs } from '../../tenancy/quota/window.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { UsageReader } from '../tenancy/usage-reader.ts';
import type { Ceiling, ComparedCeiling, Growth } from './forecast-ceilings.ts';
import { byDay, compared } from './forecast-ceilings.ts';
import type { HistorySeries, ImportedSeries, JoinedSeries } from './imported-history.ts';
import { forecastAlone, importedSeries, joinedWith, stepsAhead } from './imported-history.ts';
import type { Histories, UsageKey } from './usage-history.ts';
import { UsageHistory } from './usage-history.ts';
import { DAY_MS, HOUR_MS } from '../../kernel/time-units.ts';

export interface ForecastedSeries {
  readonly resource: ForecastResource;
  readonly step: 'day' | 'hour';
  readonly steps: number;
  readonly startMs: number;
  readonly stepMs: number;
  readonly forecast: SeriesForecast;
}

export interface CapacityForecast {
  readonly atMs: number;
  readonly series: readonly ForecastedSeries[];
  readonly ceilings: readonly ComparedCeiling[];
  readonly leftOut: readonly string[];
}

export interface HistoryForecast {
  readonly atMs: number;
  readonly series: readonly HistorySeries[];
  readonly ceilings: readonly ComparedCeiling[];
  readonly notes: readonly string[];
  readonly leftOut: readonly string[];
}

/** The organisation or tenant that a forecast is of. */
export interface ForecastSubject {
  readonly organisationId: OrganisationId;
  /** Absent: all tenants of the organisation. */
  readonly tenantId?: TenantId;
}

/** Limits that the subject may reach, and what could not be looked at. */
export type CeilingSource = (
  principal: Principal,
  subject: ForecastSubject,
) => Promise<Outcome<{ readonly ceilings: readonly Ceiling[]; readonly leftOut?: readonly string[] }>>;

interface CapacityForecasterParts {
  readonly usage: Pick<UsageReader, 'read'>;
  readonly sources: readonly CeilingSource[];
  readonly clock: Clock;
  /** Lets others have their turn: after a history was read, and after each forecast of it. [K28] */
  readonly turn: () => Promise<void>;
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

const MS_OF = { day: DAY_MS, hour: HOUR_MS } as const;

/** Says how the use of an organisation or a tenant grows, and when it reaches its limits. */
export class CapacityForecaster {
  readonly #parts: CapacityForecasterParts;

  constructor(parts: CapacityForecasterParts) {
    this.#parts = parts;
  }

  async read(principal: Principal, query: ForecastQuery): Promise<Outcome<CapacityForecast>> {
    const nowMs = this.#parts.clock.nowMs();
    const read = await this.#measured(principal, query, nowMs);
    if (!read.ok) return read;
    const history = read.value;
    const growths = new Growths(history, query, nowMs);
    const found = await this.#ceilings(principal, subjectIn(principal, query));
    if (!found.ok) return found;
    const { ceilings, leftOut } = found.value;
    return ok({
      atMs: nowMs,
      series: history.day.resources().map((resource) => growths.series(resource)),
      ceilings: growths.comparedAll(ceilings),
      leftOut,
    });
  }

  async #forecastEach(imported: readonly ImportedSeries[], query: HistoryQuery): Promise<readonly HistorySeries[]> {
    const made: HistorySeries[] = [];
    for (const series of imported) {
      made.push(forecastAlone(series, query));
      await this.#parts.turn();
    }
    return made;
  }

  /** Forecasts a history that was sent, alone or before what was measured of a meter, which then is compared with its limits. [K28] */
  async readHistory(principal: Principal, query: HistoryQuery, body: HistoryBody): Promise<Outcome<HistoryForecast>> {
    const nowMs = this.#parts.clock.nowMs();
    const { meter } = query;
    if (isRestricted(principal)) return RESTRICTED;
    const imported = importedSeries(body, query, nowMs);
    if (!imported.ok) return imported;
    await this.#parts.turn();
    if (meter === undefined) {
      if (query.tenant !== undefined || query.organisation !== undefined)
        return refuse('invalid_value', 'is needed where the history is put before what a tenant has used', 'meter');
      return ok({
        atMs: nowMs,
        series: await this.#forecastEach(imported.value, query),
        ceilings: [],
        notes: [],
        leftOut: [],
      });
    }
    const read = await this.#measured(principal, query, nowMs);
    if (!read.ok) return read;
    const joined = joinedWith(imported.value, query, read.value);
    if (!joined.ok) return joined;
    const found = await this.#ceilings(principal, subjectIn(principal, query));
    if (!found.ok) return found;
    const { series, notes } = joined.value;
    const growths = new Growths(read.value, query, nowMs, { meter, ...series });
    const { ceilings, leftOut } = found.value;
    const reached = ceilings.filter((ceiling) => growthKeyOf(ceiling) === meter);
    return ok({ atMs: nowMs, series: [series], ceilings: growths.comparedAll(reached), notes, leftOut });
  }

  /** What the ledger has counted, by the day and by the hour. */
  async #measured(principal: Principal, query: ForecastQuery, nowMs: number): Promise<Outcome<Histories>> {
    if (isRestricted(principal)) return RESTRICTED;
    const { usage } = this.#parts;
    // Up to the end of the hour that `nowMs` is in, so that the days do not exceed what the ledger answers at once.
    const daysFromMs = Math.ceil(nowMs / HOUR_MS) * HOUR_MS - TENANCY_LIMITS.usageDaysMax * DAY_MS;
    const { tenant, organisation } = query;
    const subject = { tenant, organisation };
    const days = await usage.read(principal, { ...subject, from: seconds(daysFromMs), to: seconds(nowMs), group_by: ['day'] });
    if (!days.ok) return days;
    const hoursFromMs = nowMs - PLANNING_LIMITS.forecastHourlyDays * DAY_MS;
    const hours = await usage.read(principal, { ...subject, from: seconds(hoursFromMs), to: seconds(nowMs), group_by: ['hour'] });
    if (!hours.ok) return hours;
    return ok({
      day: new UsageHistory(days.value.lines, 'day', days.value.fromMs, nowMs),
      hour: new UsageHistory(hours.value.lines, 'hour', hours.value.fromMs, nowMs),
    });
  }

  async #ceilings(
    principal: Principal,
    subject: ForecastSubject,
  ): Promise<Outcome<{ readonly ceilings: readonly Ceiling[]; readonly leftOut: readonly string[] }>> {
    const ceilings: Ceiling[] = [];
    const leftOut: string[] = [];
    for (const source of this.#parts.sources) {
      const found = await source(principal, subject);
      if (!found.ok) return found;
      ceilings.push(...found.value.ceilings);
      leftOut.push(...(found.value.leftOut ?? []));
    }
    const more = ceilings.length - PLANNING_LIMITS.forecastCeilingsMaxCount;
    if (more > 0) leftOut.push(`${more} further limits: a forecast compares ${PLANNING_LIMITS.forecastCeilingsMaxCount}`);
    return ok({ ceilings: ceilings.slice(0, PLANNING_LIMITS.forecastCeilingsMaxCount), leftOut });
  }
}

const isRestricted = (principal: Principal): boolean => principal.kind === 'tenant' && principal.resources !== undefined;

const RESTRICTED = refuse('scope_denied', 'the key is restricted to some resources, and a forecast is of all: use another key');

/** As the ledger has found it: the admin has named one of the two. */
function subjectIn(principal: Principal, { tenant, organisation }: ForecastQuery): ForecastSubject {
  if (organisation !== undefined) return { organisationId: organisation };
  const tenantId = principal.kind === 'tenant' ? principal.tenantId : must(tenant, 'the admin names a tenant or an organisation');
  return { organisationId: organisationOf(tenantId), tenantId };
}

type KnownGrowth = Omit<ForecastedSeries, 'resource'> & {
  /** What hours had, where that is known better than by the ledger. */
  readonly hours?: readonly number[];
};

type ImportedGrowth = Pick<JoinedSeries, 'startMs' | 'stepMs' | 'step' | 'steps' | 'forecast' | 'hours'> & {
  readonly meter: ForecastResource;
};

/** The growth of each resource, forecast once however many limits it may reach. */
class Growths {
  readonly #history: Histories;
  readonly #query: Pick<ForecastQuery, 'horizon_days' | 'level'>;
  readonly #nowMs: number;
  readonly #known = new Map<UsageKey, KnownGrowth>();
  readonly #assumed = assumed();

  /** `imported`: the series of a meter that is known from elsewhere, too. */
  constructor(history: Histories, query: Pick<ForecastQuery, 'horizon_days' | 'level'>, nowMs: number, imported?: ImportedGrowth) {
    if (imported !== undefined) this.#known.set(imported.meter, imported);
    this.#history = history;
    this.#query = query;
    this.#nowMs = nowMs;
  }

  series(resource: ForecastResource): ForecastedSeries {
    return { resource, ...this.#forecast(resource) };
  }

  /** Those that are reached first come first. */
  comparedAll(ceilings: readonly Ceiling[]): ComparedCeiling[] {
    return ceilings.map((ceiling) => this.compared(ceiling)).toSorted((a, b) => urgency(a) - urgency(b));
  }

  compared(ceiling: Ceiling): ComparedCeiling {
    const key = growthKeyOf(ceiling);
    return compared(this.#sharing(ceiling), this.#growth(key), this.#assumed);
  }

  /** What is not counted itself grows as it did, by what is. */
  #sharing(ceiling: Ceiling): Ceiling {
    const { held, growsWith } = ceiling;
    if (held === undefined || growsWith === undefined) return ceiling;
    const used = this.#history.day.since(growsWith.key, growsWith.fromMs);
    return { ...ceiling, held: { ...held, share: used === 0 ? 0 : growsWith.units / used } };
  }

  #growth(key: UsageKey): Growth {
    const { day, hour } = this.#history;
    const usedToday = day.sinceEnd(key);
    const { startMs, stepMs, forecast, hours = hour.series(key).values } = this.#forecast(key);
    const path: ForecastPath | undefined = forecast.kind === 'forecast' ? { startMs, stepMs, points: forecast.points } : undefined;
    return {
      path: path === undefined ? undefined : byDay(path, usedToday),
      busiestHourShare: busiestHourShare(hours),
      usedThisMonth: day.since(key, windowStartMs('month', this.#nowMs)),
      usedToday,
      usedLately: Math.max(usedToday, ...day.series(key).values.slice(-SHAPE_OF.day.season)),
    };
  }

  #forecast(key: UsageKey): KnownGrowth {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const [days, hours] = [this.#history.day.series(key), this.#history.hour.series(key)];
    const { horizon_days: horizonDays, level } = this.#query;
    // [K12] By the day as soon as there are enough of them; until then by the hour, which needs three days.
    const isDaily = days.values.length >= stepsNeeded(SHAPE_OF.day);
    const step = isDaily ? 'day' : 'hour';
    const { values, endMs } = isDaily ? days : hours;
    const forecast = forecastSeries(values, SHAPE_OF[step], stepsAhead(step, horizonDays), Number(level));
    const made = { step, steps: values.length, startMs: endMs, stepMs: MS_OF[step], forecast } as const;
    this.#known.set(key, made);
    return made;
  }
}

function growthKeyOf({ resource, growsWith }: Ceiling): UsageKey {
  if (growsWith !== undefined) return growsWith.key;
  assert(resource !== 'cache_bytes', 'what is not counted itself states what it grows with');
  return resource === 'vectors' ? 'vectors_written' : resource;
}

/** The largest share that one hour had of the 24 around it, the last ones and those before; all of it where nothing was used. */
function busiestHourShare(hours: readonly number[]): number {
  let [share, days] = [0, 0];
  for (let end = hours.length; end >= 24; end -= 24) {
    const day = hours.slice(end - 24, end);
    const sum = day.reduce((total, units) => total + units, 0);
    if (sum === 0) continue;
    days += 1;
    share = Math.max(share, Math.max(...day) / sum);
  }
  return days === 0 ? 1 : share;
}

const urgency = ({ saturation: { expectedMs, earliestMs }, status }: ComparedCeiling): number =>
  expectedMs ?? earliestMs ?? (status === 'saturates' ? 0 : Infinity);
