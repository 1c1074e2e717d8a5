/** How many whole accelerators are free on each of some nodes, by index. */
export class Bins {
  readonly #free: Map<string, Map<number, number>>;

  constructor(whole: ReadonlyMap<string, ReadonlyMap<number, number>>) {
    this.#free = new Map(Array.from(whole, ([place, nodes]) => [place, new Map(nodes)]));
  }

  /** Takes `count` on each of `nodes` nodes: those that are left with least, in the order of the nodes. Undefined when there are too few. */
  take(place: string, count: number, nodes: number): readonly number[] | undefined {
    const free = this.#free.get(place) ?? new Map<number, number>();
    const roomy = [...free].filter(([, whole]) => whole >= count);
    if (roomy.length < nodes) return undefined;
    const taken =
      nodes === 1
        ? [roomy.reduce((best, each) => (each[1] < best[1] ? each : best))]
        : roomy.toSorted((a, b) => a[1] - b[1]).slice(0, nodes);
    for (const [node, whole] of taken) free.set(node, whole - count);
    return taken.map(([node]) => node);
  }

  /** Gives back what was taken; with a negative count, takes it again from the very nodes. */
  give(place: string, count: number, nodes: readonly number[]): void {
    const free = this.#free.get(place);
    for (const node of nodes) free?.set(node, (free.get(node) ?? 0) + count);
  }
}
