/** A way to do the same work, measured in turn with the others, so that what else the machine does meets all alike. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/** The median CPU of a run of each contender, in ms, over `rounds` rounds in which each runs once. */
export async function interleavedCpuMs(contenders: readonly Contender[], rounds: number): Promise<Map<string, number>> {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (const { run } of contenders) await run();
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of contenders) {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      samples.get(name)?.push((user + system) / 1000);
    }
  }
  return new Map([...samples].map(([name, ms]) => [name, ms.toSorted((a, b) => a - b)[ms.length >> 1] ?? Number.NaN]));
}
