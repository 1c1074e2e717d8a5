import { DAY_MS } from '../../kernel/time-units.ts';

const OFFSET = /^([+-])(\d{2}):?(\d{2})$/;

/** A time zone by its name (IANA) or its distance from UTC, such as `+02:00`. */
export class TimeZone {
  readonly name: string;
  readonly #fixedMs: number | undefined;
  readonly #format: Intl.DateTimeFormat | undefined;
  /** By the day of UTC; NaN: the clocks change in it. */
  readonly #offsets = new Map<number, number>();

  private constructor(name: string, fixedMs: number | undefined, format: Intl.DateTimeFormat | undefined) {
    this.name = name;
    this.#fixedMs = fixedMs;
    this.#format = format;
  }

  /** Undefined: there is no such zone. */
  static of(name: string): TimeZone | undefined {
    const [, sign, hours, minutes] = OFFSET.exec(name) ?? [];
    if (name === 'UTC' || name === 'Z') return new TimeZone('UTC', 0, undefined);
    if (sign !== undefined) return Number(hours) > 14 || Number(minutes) > 59 ? undefined : new TimeZone(name, offsetMs(name), undefined);
    try {
      const format = new Intl.DateTimeFormat('en-US-u-ca-iso8601-nu-latn', {
        timeZone: name,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
      return new TimeZone(name, undefined, format);
    } catch {
      return undefined;
    }
  }

  /** What clocks there show at an instant, as if it were UTC. */
  localMs(atMs: number): number {
    return atMs + this.#offsetAt(atMs);
  }

  /** The instant at which clocks there show that time: the first of two, and the moment after a time that clocks pass over. */
  instantMs(localMs: number): number {
    const before = localMs - this.#offsetAt(localMs - DAY_MS);
    const after = localMs - this.#offsetAt(localMs + DAY_MS);
    return this.localMs(before) !== localMs && this.localMs(after) === localMs ? after : before;
  }

  #offsetAt(atMs: number): number {
    if (this.#fixedMs !== undefined) return this.#fixedMs;
    const day = Math.floor(atMs / DAY_MS);
    let offset = this.#offsets.get(day);
    if (offset === undefined) {
      const [begin, end] = [this.#measured(day * DAY_MS), this.#measured((day + 1) * DAY_MS)];
      offset = begin === end ? begin : Number.NaN;
      this.#offsets.set(day, offset);
    }
    return Number.isNaN(offset) ? this.#measured(atMs) : offset;
  }

  #measured(atMs: number): number {
    const parts: Partial<Record<string, number>> = {};
    for (const { type, value } of this.#format?.formatToParts(atMs) ?? []) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
  }
}

/** Milliseconds of a distance from UTC, such as `+02:00` or `-0330`. */
export function offsetMs(text: string): number {
  const [, sign, hours, minutes] = OFFSET.exec(text) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
}
