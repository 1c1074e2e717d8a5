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
