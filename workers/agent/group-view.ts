/** What this member of an attempt is among all of them. */
export interface GroupPlace {
  readonly version: number;
  readonly rank: number;
  readonly worldSize: number;
}

/** What an agent knows of the members of an attempt, as its heartbeats bring it. */
export class GroupView {
  #place: GroupPlace;
  #changed = new AbortController();
  readonly #ask: () => Promise<void>;

  /** `ask`: brings news now; rejects while the gateway is away. */
  constructor(place: GroupPlace, ask: () => Promise<void>) {
    this.#place = place;
    this.#ask = ask;
  }

  get place(): GroupPlace {
    return this.#place;
  }

  /** Aborted, with the reason `resized`, once members have come or gone since now. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  /** Whether members have come or gone since that version, as the pool knows it now. */
  async hasChangedSince(version: number): Promise<boolean> {
    if (this.#place.version === version) await this.#ask().catch(() => undefined);
    return this.#place.version !== version;
  }

  /** Takes news; what is older than what is known is none. */
  take(place: GroupPlace): void {
    if (place.version <= this.#place.version) return;
    this.#place = place;
    const former = this.#changed;
    this.#changed = new AbortController();
    former.abort('resized');
  }
}
