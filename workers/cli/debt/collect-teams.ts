import { Components } from '../../../src/debt/components.ts';
import { factsOfHistory } from '../../../src/debt/teams/history-facts.ts';
import { entryPointsOf, pagesFor, SHOWN_MAX } from '../../../src/debt/teams/onboarding.ts';
import type { TeamHistory } from '../../../src/debt/teams/team-history.ts';
import { TeamHistoryBuilder } from '../../../src/debt/teams/team-history.ts';
import { mechanicalReason } from '../../../src/debt/evidence/mechanical-commits.ts';
import { groupBy } from '../../../src/kernel/grouped.ts';
import type { Collector } from './collectors/collection.ts';
import { FactWriter, logOf, sourceOf, treeOf } from './collectors/collection.ts';
import { readChanges } from './repository/read-history.ts';
import type { Repository } from './repository/repository.ts';
import { ImportGraph } from './repository/import-graph.ts';

/** Who changed what, when and together, and where to begin with each component. [D75] [D77] */
export const teams: Collector = async (collection) => {
  const { repository, policy, sources, asOfS } = collection;
  const writer = new FactWriter(collection);
  const log = logOf(collection);
  const components = new Components(policy);
  const found = await teamHistory(repository, components, asOfS);
  for (const { kind, subject, value, ...more } of factsOfHistory(found)) writer.write(kind, subject, value, log, more);
  const files = sources.productFiles;
  const pages = sources.tracked.map(({ path }) => path).filter((page) => /\.(md|rst|adoc)$/i.test(page));
  const { edges } = new ImportGraph(files);
  const byPath = new Map(files.map((file) => [file.path, file]));
  for (const [component, own] of groupBy(files, ({ path }) => components.of(path))) {
    for (const { path, importedBy } of entryPointsOf(new Set(own.map((file) => file.path)), edges).slice(0, SHOWN_MAX)) {
      const source = byPath.get(path);
      writer.write('entry-point', path, importedBy, source === undefined ? treeOf(collection) : sourceOf(source), { symbol: component });
    }
    const declared = policy.components.find(({ name }) => name === component);
    for (const [at, page] of pagesFor(component, declared?.paths ?? [component], pages)
      .slice(0, SHOWN_MAX)
      .entries())
      writer.write('guide', page, at + 1, treeOf(collection), { symbol: component });
  }
  writer.census('teams', found.weekly.size, log, { as_of: asOfS });
  return writer.facts;
};

/** The commits of three years, by component, without those that programs make or that take no work. [D105] */
export async function teamHistory(repository: Repository, components: Components, nowS: number): Promise<TeamHistory> {
  const history = new TeamHistoryBuilder(nowS);
  for await (const change of readChanges(repository)) {
    if (mechanicalReason(change) !== undefined) continue;
    const { author, atS, files } = change;
    const lines = new Map<string, number>();
    for (const file of files) {
      const component = components.of(file.path);
      lines.set(component, (lines.get(component) ?? 0) + file.lines);
    }
    history.add({ author, atS, components: [...lines.keys()], lines: [...lines.values()] });
  }
  return history;
}
