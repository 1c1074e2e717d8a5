/** A value on its way: it is row `row` of what `rows` answers. */
export interface Flight<Rows> {
  /** Position of the purge log, as far as the filler knew it, when the flight started. */
  readonly position: number;
  readonly rows: Promise<Rows>;
  readonly row: number;
}

/** Lets concurrent callers share one computation instead of each repeating it. Whether a flight may be joined is theirs to judge. */
export class SingleFlight<Rows> {
  readonly #flights = new Map<string, Flight<Rows>>();

  find(key: string): Flight<Rows> | undefined {
    return this.#flights.get(key);
  }

  /** Nobody joins the flight of this key any more. Those who have are answered. */
  drop(key: string): void {
    this.#flights.delete(key);
  }

  /** Announces that `rows` will answer `keys`, row by row, until it has. A newer flight for a key takes the older one's place. */
  open(keys: readonly string[], position: number, rows: Promise<Rows>): void {
    const flights = keys.map((key, row) => [key, { position, rows, row }] as const);
    for (const [key, flight] of flights) this.#flights.set(key, flight);
    const close = (): void => {
      for (const [key, flight] of flights) if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    // A failure reaches those who await `rows`; here it only ends the flight.
    rows.then(close, close);
  }
}
