/** Positions of the items by their groups, both in order of appearance. */
export function grouped<Group>(groups: Iterable<Group>): Map<Group, number[]> {
  const positions = new Map<Group, number[]>();
  let at = 0;
  for (const group of groups) {
    const members = positions.get(group);
    if (members === undefined) positions.set(group, [at]);
    else members.push(at);
    at += 1;
  }
  return positions;
}

/** Items by their groups, both in order of appearance: `Map.groupBy`, which ES2023 does not have. */
export function groupBy<Item, Group>(items: Iterable<Item>, groupOf: (item: Item) => Group): Map<Group, Item[]> {
  const groups = new Map<Group, Item[]>();
  for (const item of items) {
    const group = groupOf(item);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [item]);
    else members.push(item);
  }
  return groups;
}
