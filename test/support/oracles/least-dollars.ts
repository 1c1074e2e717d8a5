import highs from 'highs';

import type { StaticInstance } from '../fakes/static-instance.ts';
import { dollars } from '../fakes/static-instance.ts';

const solver = await highs();

/** The lowest possible cost of an instance, by an exact solver (HiGHS); undefined when the nodes have no room for all jobs. */
export function leastDollars(instance: StaticInstance): number | undefined {
  const costs: string[] = [];
  const binaries: string[] = [];
  const byJob = instance.jobs.map((): string[] => []);
  const byNode = instance.nodes.map((): string[] => []);
  for (const [j, job] of instance.jobs.entries()) {
    for (const [n, node] of instance.nodes.entries()) {
      const option = job.options.findIndex((_, index) => dollars(instance, job, index, node) !== undefined);
      const cost = option < 0 ? undefined : dollars(instance, job, option, node);
      const count = job.options[option]?.perNode.acceleratorCount ?? 0;
      if (cost === undefined || count > node.acceleratorCount) continue;
      const name = `x${j}_${n}`;
      binaries.push(name);
      costs.push(`${cost.toFixed(9)} ${name}`);
      byJob[j]!.push(name);
      byNode[n]!.push(`${count} ${name}`);
    }
  }
  if (byJob.some((names) => names.length === 0)) return undefined;
  const rows = [
    ...byJob.map((names, j) => ` job${j}: ${names.join(' + ')} = 1`),
    ...byNode.flatMap((terms, n) =>
      terms.length === 0 ? [] : [` node${n}: ${terms.join(' + ')} <= ${instance.nodes[n]!.acceleratorCount}`],
    ),
  ];
  const model = `Minimize\n obj: ${costs.join('\n + ')}\nSubject To\n${rows.join('\n')}\nBinary\n ${binaries.join('\n ')}\nEnd\n`;
  const { Status, ObjectiveValue } = solver.solve(model);
  return Status === 'Optimal' ? ObjectiveValue : undefined;
}
