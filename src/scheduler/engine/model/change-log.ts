/** Changes that are remembered. A reader that is further behind looks at everything. */
const REMEMBERED = 4_096;

/** Which nodes have changed lately, for readers that keep up something that follows from all of them. */
export class ChangeLog {
  readonly #nodes = new Int32Array(REMEMBERED);
  #count = 0;

  /** How many changes there have been. */
  get count(): number {
    return this.#count;
  }

  note(node: number): void {
    this.#nodes[this.#count % REMEMBERED] = node;
    this.#count += 1;
  }

  /** The nodes that changed after the first `count` changes, some more than once; undefined when the log no longer reaches back. */
  since(count: number): Iterable<number> | undefined {
    return this.#count - count > REMEMBERED ? undefined : this.#from(count);
  }

  *#from(count: number): Iterable<number> {
    for (let at = count; at < this.#count; at++) yield this.#nodes[at % REMEMBERED] ?? 0;
  }
}
