/** A commit and what it came after: its first parent is what it was merged into. */
export interface GraphCommit {
  readonly id: string;
  readonly parents: readonly string[];
}

/** What one merge brought, of the commits that are given. */
export interface MergedBranch<Commit> {
  readonly merge: Commit;
  /** Not those that another merge into the main line brought before; merges within the branch are among them. */
  readonly commits: readonly Commit[];
}

/**
 * The branches that were merged into the main line, the oldest first: the main line follows first parents from the newest commit, and each merge
 * on it brings what no earlier one did. Takes time in proportion to the commits. [D106]
 */
export function mergedBranches<Commit extends GraphCommit>(newestFirst: readonly Commit[]): readonly MergedBranch<Commit>[] {
  const byId = new Map(newestFirst.map((commit) => [commit.id, commit]));
  const mainLine: Commit[] = [];
  for (let at = newestFirst[0]; at !== undefined; at = byId.get(at.parents[0] ?? '')) mainLine.push(at);
  const seen = new Set(mainLine.map(({ id }) => id));
  const branches: MergedBranch<Commit>[] = [];
  for (const merge of mainLine.toReversed()) {
    const commits: Commit[] = [];
    const open = merge.parents.slice(1);
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const commit = byId.get(id);
      if (commit === undefined || seen.has(id)) continue;
      seen.add(id);
      commits.push(commit);
      open.push(...commit.parents);
    }
    if (commits.length > 0) branches.push({ merge, commits });
  }
  return branches;
}
