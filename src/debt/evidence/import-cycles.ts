/**
 * The groups of nodes that reach each other, by Tarjan's algorithm without recursion: a deep chain of imports does not overflow the stack. Groups
 * of one are left out, and members are in alphabetical order.
 */
export function cyclesOf(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const cycles: string[][] = [];

  const open = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.size - 1);
    stack.push(node);
    onStack.add(node);
  };
  const lower = (node: string, to: number | undefined): void => {
    if (to !== undefined && to < (low.get(node) ?? 0)) low.set(node, to);
  };
  const close = (node: string): void => {
    if (low.get(node) !== index.get(node)) return;
    const members = stack.splice(stack.lastIndexOf(node));
    for (const member of members) onStack.delete(member);
    if (members.length > 1) cycles.push(members.sort());
  };

  for (const start of edges.keys()) {
    if (index.has(start)) continue;
    open(start);
    const path: { readonly node: string; readonly next: Iterator<string> }[] = [{ node: start, next: targetsOf(edges, start) }];
    for (let here = path.at(-1); here !== undefined; here = path.at(-1)) {
      const { node, next } = here;
      const { value: target, done } = next.next();
      if (done === true) {
        path.pop();
        close(node);
        const above = path.at(-1);
        if (above !== undefined) lower(above.node, low.get(node));
      } else if (!index.has(target)) {
        open(target);
        path.push({ node: target, next: targetsOf(edges, target) });
      } else if (onStack.has(target)) lower(node, index.get(target));
    }
  }
  return cycles.sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1));
}

const targetsOf = (edges: ReadonlyMap<string, ReadonlySet<string>>, node: string): Iterator<string> =>
  (edges.get(node) ?? new Set<string>())[Symbol.iterator]();

/** A way from the first member of a cycle through others back to it, the shortest by a search in breadth. */
export function wayAround(cycle: readonly string[], edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const [start = ''] = cycle;
  const members = new Set(cycle);
  const before = new Map<string, string>();
  for (let queue = [start]; queue.length > 0;) {
    const next: string[] = [];
    for (const node of queue) {
      for (const target of edges.get(node) ?? []) {
        if (target === start && node !== start) return [...backwards(node, before)].reverse();
        if (target === start || !members.has(target) || before.has(target)) continue;
        before.set(target, node);
        next.push(target);
      }
    }
    queue = next;
  }
  return [start];
}

function* backwards(from: string, before: ReadonlyMap<string, string>): Iterable<string> {
  for (let node: string | undefined = from; node !== undefined; node = before.get(node)) yield node;
}
