/** A way to do the same work, measured in turn with the others, so that what else the machine does meets all alike. */
export interface Contender {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

/** The CPU of each run of each contender, in ms, over `rounds` rounds in which each runs once. */
export async function interleavedCpuSamples(contenders: readonly Contender[], rounds: number): Promise<Map<string, number[]>> {
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
  return samples;
}

/** The median CPU of a run of each contender, in ms. */
export async function interleavedCpuMs(contenders: readonly Contender[], rounds: number): Promise<Map<string, number>> {
  return new Map([...(await interleavedCpuSamples(contenders, rounds))].map(([name, ms]) => [name, medianOf(ms)]));
}

export const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
