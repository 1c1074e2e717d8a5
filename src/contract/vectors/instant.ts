const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?)?)?$/;
const MICROSECONDS = 1_000_000;

/**
 * The instant that an RFC 3339 date-time names, in microseconds since the Unix epoch, finer fractions cut off; also in the forms of ISO 8601
 * that Qdrant takes: without an offset (UTC), with one without a colon or minutes, without seconds, and a date alone, which is its midnight
 * in UTC. Undefined for any other text. A change of what is a time has to rebuild the property index (`PROPERTY_TABLES`).
 */
export function instantOf(text: string): number | undefined {
  const parts = DATE.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = [1, 2, 3, 4, 5, 6, 9, 10].map((at) =>
    Number(parts[at] ?? 0),
  ) as [number, number, number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  // A leap second is the second after it.
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const offset = (parts[8] === '-' ? -60 : 60) * (offsetHour * 60 + offsetMinute);
  const seconds = daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
  const microseconds = Number((parts[7] ?? '').slice(0, 6).padEnd(6, '0'));
  return seconds * MICROSECONDS + microseconds;
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** Days of the Gregorian calendar, counted from a March so that the leap day ends its year. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return 365 * marchYear + Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400) + dayOfYear - 719_468;
}
