import type { Filter, Scalar } from './filter.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { STORABLE, UNSTORABLE } from '../api/json-value.ts';

export type FilterPlace = readonly PropertyKey[];

/** What is wrong with a filter, and where. `maximum` makes it a limit that was exceeded. */
interface Fault {
  readonly message: string;
  readonly path: FilterPlace;
  readonly maximum?: number;
  /** What was meant instead, if something comes close. */
  readonly meant?: string;
}

type FilterLimit = Extract<keyof typeof VECTOR_LIMITS, `filter${string}`>;

/** What a reader goes on with after a fault. */
const UNREAD: Filter = { kind: 'or', of: [] };

/** Counts what a filter is made of against its limits, and keeps the first fault found in it. */
export class FilterCheck {
  fault: Fault | undefined;
  #conditions = 0;
  #values = 0;

  condition(path: FilterPlace): void {
    this.#conditions += 1;
    const { filterConditionsMaxCount: countMax } = VECTOR_LIMITS;
    if (this.#conditions > countMax) this.exceeds('is beyond the number of conditions and groups', 'filterConditionsMaxCount', path);
  }

  scalar(value: unknown, path: FilterPlace): Scalar {
    this.#value(path);
    if (value === null || typeof value === 'boolean' || Number.isFinite(value)) return value as Scalar;
    if (typeof value === 'number') this.refuse('must be a number that a double can hold', path);
    else if (typeof value !== 'string') this.refuse('must be a string, a number, a boolean or null', path);
    else if (value.length > VECTOR_LIMITS.filterStringCharsMax) this.exceeds('is longer than', 'filterStringCharsMax', path);
    else if (STORABLE.test(value)) return value;
    else this.refuse(UNSTORABLE, path);
    return null;
  }

  id(value: unknown, path: FilterPlace): string {
    const id = this.scalar(value, path);
    if (typeof id === 'string' && id !== '') return id;
    this.refuse('must be the id of a vector', path);
    return '';
  }

  count(value: unknown, path: FilterPlace): number {
    this.#value(path);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.refuse('must be a count: 0, 1, 2 and so on', path);
    return 0;
  }

  exceeds(what: string, limit: FilterLimit, path: FilterPlace): Filter {
    this.fault ??= { message: `${what} ${VECTOR_LIMITS[limit]} (${limit})`, path, maximum: VECTOR_LIMITS[limit] };
    return UNREAD;
  }

  refuse(message: string, path: FilterPlace, meant?: string): Filter {
    this.fault ??= { message, path, ...(meant !== undefined && { meant }) };
    return UNREAD;
  }

  #value(path: FilterPlace): void {
    this.#values += 1;
    if (this.#values > VECTOR_LIMITS.filterValuesMaxCount) this.exceeds('is beyond the number of values', 'filterValuesMaxCount', path);
  }
}
