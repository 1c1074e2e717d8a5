import { LruCache } from '../../cache/lru-cache.ts';
import type { Clock } from '../../kernel/clock.ts';

interface RefreshAheadParts<V> {
  /** So long after a read began, its value is used without another. */
  readonly freshMs: number;
  /** From this age on a value is read again in the background: what is left of `freshMs` is far longer than a read takes. */
  readonly refreshAfterMs: number;
  /** So long a value is used while it cannot be read again. */
  readonly staleMs: number;
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly bytesOf: (value: V) => number;
  readonly clock: Clock;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

interface Entry<V> {
  readonly value: V;
  /** Of the read that brought it. */
  readonly serial: number;
  /** When that began; -Infinity: the value is outdated. */
  readAtMs: number;
  /** When the last read in the background began; before the first: when that one did. */
  refreshedAtMs: number;
}

/**
 * An isolate's copies of what objects store. A copy that is in use is read again before it is too old, so that few calls wait for a read; while
 * its object does not answer it is used for longer. The copies that were used the longest time ago go first.
 */
export class RefreshAheadCache<V> {
  readonly #parts: RefreshAheadParts<V>;
  readonly #entries: LruCache<Entry<V>>;
  /** Of the read that began last. */
  #serial = 0;
  /** Of the last that began before something was changed from here. */
  #outdatedSerial = 0;

  constructor(parts: RefreshAheadParts<V>) {
    this.#parts = parts;
    this.#entries = new LruCache(parts);
  }

  /** `read` gets the value that it replaces, if there is one. Undefined: it fails, and no copy is young enough. */
  async get(key: string, read: (before: V | undefined) => Promise<V>): Promise<V | undefined> {
    const { freshMs, refreshAfterMs, clock, background } = this.#parts;
    const nowMs = clock.nowMs();
    const entry = this.#entries.get(key, nowMs);
    if (entry === undefined || ageMs(entry.readAtMs, nowMs) >= freshMs) return this.#read(key, entry, nowMs, read);
    if (ageMs(entry.refreshedAtMs, nowMs) >= refreshAfterMs) {
      entry.refreshedAtMs = nowMs;
      background(this.#read(key, entry, nowMs, read));
    }
    return entry.value;
  }

  /** The value was changed from here: it is read again before it is used. Where that fails, the copy is used as before. */
  outdate(key: string): void {
    this.#outdatedSerial = this.#serial;
    const entry = this.#entries.get(key, this.#parts.clock.nowMs());
    if (entry !== undefined) entry.readAtMs = -Infinity;
  }

  async #read(
    key: string,
    before: Entry<V> | undefined,
    nowMs: number,
    read: (before: V | undefined) => Promise<V>,
  ): Promise<V | undefined> {
    const { staleMs, bytesMax, bytesOf } = this.#parts;
    const serial = (this.#serial += 1);
    try {
      const value = await read(before?.value);
      const other = this.#entries.get(key, nowMs);
      // A read that began later has the newer value.
      if (other !== undefined && other.serial > serial) return other.value;
      // A value that is larger than the whole cache is kept alone, as each call needs it.
      const bytes = Math.min(bytesOf(value), bytesMax);
      // It may be from before a change, of this or another key.
      const readAtMs = serial > this.#outdatedSerial ? nowMs : -Infinity;
      this.#entries.set(key, { value, serial, readAtMs, refreshedAtMs: nowMs }, bytes, nowMs + staleMs);
      return value;
    } catch {
      // A read that began later may have brought a value meanwhile.
      return (this.#entries.get(key, nowMs) ?? before)?.value;
    }
  }
}

/** A clock that was set back makes no copy fresh for longer. */
const ageMs = (sinceMs: number, nowMs: number): number => Math.abs(nowMs - sinceMs);
