import type { TimeZone } from './time-zone.ts';
import { offsetMs } from './time-zone.ts';

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(?: ?(Z|UTC|[+-]\d{2}:?\d{2}))?$/i;
const EPOCH = /^\d{1,14}(?:\.\d{1,9})?$/;

/** Seconds since the epoch beyond the year 5000 are milliseconds. */
const EPOCH_S_MAX = 1e11;

export const TIME_FORMATS =
  '2026-11-30, 2026-11-30T18:00:00Z (or +01:00, or without in `zone`), or seconds or milliseconds since the epoch';

/**
 * The instant of a time as text or number: ISO 8601 with a zone, or without one in `zone`, as a date it is the beginning of the day there; or seconds since the
 * epoch, or milliseconds. Undefined: it is none of these, or no time that there is, such as 30 February.
 */
export function historyTimeMs(time: string | number, zone: TimeZone): number | undefined {
  if (typeof time === 'number') return epochMs(time);
  const text = time.trim();
  if (EPOCH.test(text)) return epochMs(Number(text));
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', offset] = ISO.exec(text) ?? [];
  if (year === undefined) return undefined;
  const localMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const isReal = new Date(localMs).toISOString().startsWith(`${year}-${month}-${day}`) && Number(minute) < 60 && Number(second) < 60;
  if (!isReal || Number(hour) > 23) return undefined;
  const exactMs = localMs + Math.floor(Number(`0.${fraction || 0}`) * 1000);
  if (offset === undefined) return zone.instantMs(exactMs);
  return exactMs - offsetMs(offset);
}

const epochMs = (epoch: number): number | undefined =>
  Number.isFinite(epoch) && epoch >= 0 && epoch < EPOCH_S_MAX * 1000 ? Math.floor(epoch < EPOCH_S_MAX ? epoch * 1000 : epoch) : undefined;
