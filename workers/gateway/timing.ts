/** Phases of one request, for the `server-timing` header (W3C Server Timing). */
export class Timing {
  readonly #startedMs = performance.now();
  readonly #phases: string[] = [];

  /** Measures `work` under `phase`. */
  async of<T>(phase: string, work: Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      return await work;
    } finally {
      this.#phases.push(`${phase};dur=${(performance.now() - startedMs).toFixed(1)}`);
    }
  }

  elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  header(): string {
    return [...this.#phases, `total;dur=${this.elapsedMs().toFixed(1)}`].join(', ');
  }
}
