import { groupBy } from '../../../../src/kernel/grouped.ts';
import { Components } from '../../../../src/debt/components.ts';
import { CodeOwners } from '../../../../src/debt/evidence/code-owners.ts';
import { isAuthor } from '../../../../src/debt/teams/ownership.ts';
import type { Collection, Collector, Source } from './collection.ts';
import { FactWriter, logOf, sha256Of, treeOf } from './collection.ts';
import { committedText } from './input-files.ts';

/** Where code hosts look for it, in this order. */
const FILES = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS', '.gitlab/CODEOWNERS'];
const DAY_S = 86_400;
/** Fewer changed lines say nothing of who knows a component. */
const LINES_MIN = 50;

/** Owners of components, and who changes them. */
export const ownership: Collector = async (collection) => {
  const { policy, history } = collection;
  const writer = new FactWriter(collection);
  const [codeOwners, owned] = await codeOwnersOf(collection);
  const components = new Components(policy);
  const paths = groupBy(
    collection.sources.productFiles.map(({ path }) => path),
    (path) => components.of(path),
  );
  const declared = new Map(policy.components.map((component) => [component.name, component]));
  const names = new Set([...declared.keys(), ...paths.keys()]);
  const hasOwners = owned !== undefined || policy.components.some(({ owners }) => owners.length > 0);
  const authors = new Set(Object.values(history.authors).flatMap((of) => Object.keys(of)));
  for (const name of names) {
    const component = declared.get(name);
    const files = paths.get(name) ?? [];
    const owners =
      component !== undefined && component.owners.length > 0 ? component.owners : ownersOfMost(files, component?.paths ?? [], codeOwners);
    // Where nothing has owners and nothing was declared, there is no ownership to lose. [D20]
    if (hasOwners || component !== undefined) writer.write('owner', name, owners.join(' '), owned ?? treeOf(collection));
    writeActivity(writer, { name, files, owners, authors }, collection);
  }
  writer.census('ownership', names.size, owned ?? treeOf(collection));
  return writer.facts;
};

async function codeOwnersOf(collection: Collection): Promise<[CodeOwners, Source | undefined]> {
  for (const file of FILES) {
    const text = await committedText(collection, file);
    if (text !== undefined) return [new CodeOwners(text), { file, sha256: sha256Of(text) }];
  }
  return [new CodeOwners(''), undefined];
}

/** The owners that most files have; none if most have none. Of a component without sources, those of its paths. */
function ownersOfMost(files: readonly string[], paths: readonly string[], codeOwners: CodeOwners): readonly string[] {
  const counted = groupBy(files.length > 0 ? files : paths, (path) => codeOwners.ownersOf(path).join(' '));
  const [most] = [...counted].sort(([, a], [, b]) => b.length - a.length);
  return most === undefined || most[0] === '' ? [] : most[0].split(' ');
}

interface Activity {
  readonly name: string;
  readonly files: readonly string[];
  readonly owners: readonly string[];
  readonly authors: ReadonlySet<string>;
}

function writeActivity(writer: FactWriter, { name, files, owners, authors }: Activity, collection: Collection): void {
  const { history, repository } = collection;
  const log = logOf(collection);
  const lines = new Map<string, number>();
  let [ownersLastS, lastS] = [0, 0];
  for (const file of files) {
    for (const [author, count] of Object.entries(history.authors[file] ?? {})) lines.set(author, (lines.get(author) ?? 0) + count);
    for (const [author, atS] of Object.entries(history.lastChange[file] ?? {})) {
      lastS = Math.max(lastS, atS);
      if (owners.some((owner) => isAuthor(owner, author))) ownersLastS = Math.max(ownersLastS, atS);
    }
  }
  const all = [...lines.values()].reduce((sum, count) => sum + count, 0);
  if (all >= LINES_MIN) {
    const share = Math.max(...lines.values()) / all;
    writer.write('author-share', name, share, log, { detail: { authors: lines.size, authors_of_repository: authors.size } });
  }
  // Teams and names that no author has say nothing about who is idle.
  const areKnown = owners.some((owner) => [...authors].some((author) => isAuthor(owner, author)));
  if (!areKnown || lastS === 0) return;
  const idleDays = lastS > ownersLastS ? (repository.committedAtS - ownersLastS) / DAY_S : 0;
  writer.write('owner-idle', name, Math.min(idleDays, 3_650), log, { detail: { last_change: lastS } });
}
