/** A commit, as far as names of files are concerned. */
export interface NamingCommit {
  /** Absent: each commit is the parent of the one before. */
  readonly id?: string;
  readonly parents?: readonly string[];
}

type Names = ReadonlyMap<string, string>;

const NONE: Names = new Map();
/** What several histories that became one repository each called something else. */
const MANY = Symbol('many');

/**
 * What files of earlier commits are called now, from commits of which each comes before its parents.
 *
 * Names go from a commit to its parents: where repositories were merged, the same name means another file in the history of each. A line of history that
 * did not see a file renamed, as another line did, takes the name from there, if all lines agree on it. [D131]
 */
export class LineageNames {
  /** By the commits that are still to come. */
  readonly #of = new Map<string, Names>();
  readonly #anywhere = new Map<string, string | typeof MANY>();
  #names: Names = NONE;

  /** Goes on to a commit: `nameOf` and `rename` are about it until the next one. */
  enter({ id }: NamingCommit): void {
    if (id === undefined) return;
    this.#names = this.#of.get(id) ?? NONE;
    this.#of.delete(id);
  }

  nameOf(path: string): string {
    const anywhere = this.#anywhere.get(path);
    return this.#names.get(path) ?? (typeof anywhere === 'string' ? anywhere : path);
  }

  /** The commit gives files new names: before it, they had others. */
  leave({ parents = [] }: NamingCommit, renamed: readonly { readonly before: string; readonly now: string }[]): void {
    const names =
      renamed.length === 0 ? this.#names : new Map([...this.#names, ...renamed.map(({ before, now }) => [before, now] as const)]);
    for (const { before, now } of renamed) {
      const known = this.#anywhere.get(before);
      this.#anywhere.set(before, known === undefined || known === now ? now : MANY);
    }
    this.#names = names;
    for (const parent of parents) {
      const known = this.#of.get(parent);
      this.#of.set(parent, known === undefined || known === names ? names : new Map([...names, ...known]));
    }
  }

  /** Names of a commit that is still to come, such as the last one that was read before. */
  of(commit: NamingCommit): (path: string) => string {
    this.enter(commit);
    return (path) => this.nameOf(path);
  }
}
