import { Heap } from '../../../kernel/heap.ts';

/** The waiting jobs of a class, by order of submission. */
interface Jobs {
  readonly jobs: { readonly size: number; readonly firstSequence: number };
}

interface Entry<Class> {
  readonly sequence: number;
  readonly pending: Class;
}

const bySequence = <Class>(a: Entry<Class>, b: Entry<Class>): number => a.sequence - b.sequence;

/** Entries that hold no longer, beyond as many as there are classes: few cells have so many classes. */
const STALE_MAX = 64;

/**
 * The classes of waiting jobs by when the first job of each was submitted. Asking for the first few costs what these few do, however many classes
 * there are: an entry is added whenever the first job of a class becomes another, and those that hold no longer are dropped when they are met.
 */
export class EarliestClasses<Class extends Jobs> {
  #entries = new Heap<Entry<Class>>(bySequence);
  readonly #classes: ReadonlyMap<string, Class>;

  /** `classes`: those that have jobs, as they come and go. */
  constructor(classes: ReadonlyMap<string, Class>) {
    this.#classes = classes;
  }

  /** The first job of a class is another one, or there is none. */
  changed(pending: Class): void {
    if (pending.jobs.size > 0) this.#entries.push({ sequence: pending.jobs.firstSequence, pending });
    if (this.#entries.size > 2 * this.#classes.size + STALE_MAX) this.#file();
  }

  /** The classes whose first jobs were submitted before those of all others, at most so many. */
  first(count: number): readonly Class[] {
    const found = new Map<Class, Entry<Class>>();
    while (found.size < count) {
      const entry = this.#entries.pop();
      if (entry === undefined) break;
      const { jobs } = entry.pending;
      if (jobs.size > 0 && jobs.firstSequence === entry.sequence) found.set(entry.pending, entry);
    }
    for (const entry of found.values()) this.#entries.push(entry);
    return [...found.keys()];
  }

  #file(): void {
    this.#entries = new Heap(bySequence);
    for (const pending of this.#classes.values())
      if (pending.jobs.size > 0) this.#entries.push({ sequence: pending.jobs.firstSequence, pending });
  }
}
