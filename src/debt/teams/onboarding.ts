import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtFinding } from '../../contract/debt/debt-items.ts';
import type { Components } from '../components.ts';
import type { FactSet } from '../fact.ts';
import { numberOf, textDetailOf } from '../rules/rule.ts';
import type { ComponentOwnership } from './ownership.ts';

/** Of each list, so many are shown. */
export const SHOWN_MAX = 5;
/** A first item is done in half a day, with all that any change takes. */
const FIRST_ITEM_MINUTES_MAX = 240;

interface OnboardingInput {
  readonly owned: ComponentOwnership;
  readonly facts: FactSet;
  readonly components: Components;
  /** Open ones. */
  readonly items: readonly FirstItem[];
}

/** What of an item a newcomer needs. */
export type FirstItem = Pick<DebtFinding, 'id' | 'subject' | 'component' | 'title' | 'remedy' | 'is_blocking' | 'principal_minutes'>;

/** Where to begin with a component. */
export interface OnboardingPath {
  readonly component: string;
  readonly owner: string | null;
  /** Authors who know most of it. */
  readonly authors: ComponentOwnership['authors'];
  /** Files that most files outside of the component import; of one that is not imported, those that nothing in it imports. */
  readonly entryPoints: readonly { readonly path: string; readonly importedBy: number }[];
  /** Pages inside it first, then those named after it, then how the whole is run. */
  readonly pages: readonly string[];
  readonly incidents: readonly { readonly id: string; readonly text: string; readonly minutes: number }[];
  /** Items in one of its files that take half a day at most, the shortest first. */
  readonly firstItems: readonly FirstItem[];
}

/** An onboarding path from what is measured already (D72). */
export function onboardingPath({ owned, facts, components, items }: OnboardingInput): OnboardingPath {
  const { component, owner, authors } = owned;
  const ofComponent = (kind: 'entry-point' | 'guide'): readonly DebtFact[] => facts.of(kind).filter(({ symbol }) => symbol === component);
  const files = new Set(facts.of('code-lines').map(({ subject }) => subject));
  return {
    component,
    owner,
    authors: authors.slice(0, SHOWN_MAX),
    entryPoints: ofComponent('entry-point')
      .map((fact) => ({ path: fact.subject, importedBy: numberOf(fact) }))
      .sort(byImporters),
    pages: ofComponent('guide')
      .toSorted((a, b) => numberOf(a) - numberOf(b))
      .map(({ subject }) => subject),
    incidents: facts
      .of('incident')
      .filter(({ subject }) => components.of(subject) === component)
      .sort((a, b) => b.collected_at - a.collected_at)
      .slice(0, SHOWN_MAX)
      .map((fact) => ({ id: fact.symbol ?? '', text: textDetailOf(fact, 'text'), minutes: numberOf(fact) })),
    firstItems: items
      .filter(
        (one) =>
          one.component === component && files.has(one.subject) && !one.is_blocking && one.principal_minutes.p50 <= FIRST_ITEM_MINUTES_MAX,
      )
      .sort((a, b) => a.principal_minutes.p50 - b.principal_minutes.p50 || (a.id < b.id ? -1 : 1))
      .slice(0, SHOWN_MAX),
  };
}

interface EntryPoint {
  readonly path: string;
  readonly importedBy: number;
}

/** Imports between files of a repository. */
type Imports = readonly { readonly from: string; readonly to: string }[];

const byImporters = (a: EntryPoint, b: EntryPoint): number => b.importedBy - a.importedBy || byPath(a, b);

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);

/** Files that most files outside of the component import; of one that is not imported, those that nothing in it imports. */
export function entryPointsOf(own: ReadonlySet<string>, imports: Imports): EntryPoint[] {
  const outside = new Map<string, Set<string>>();
  const inside = new Set<string>();
  for (const { from, to } of imports) {
    if (!own.has(to)) continue;
    if (own.has(from)) inside.add(to);
    else outside.set(to, (outside.get(to) ?? new Set()).add(from));
  }
  if (outside.size === 0)
    return [...own]
      .filter((path) => !inside.has(path))
      .map((path) => ({ path, importedBy: 0 }))
      .sort(byPath);
  return Array.from(outside, ([path, importers]) => ({ path, importedBy: importers.size })).sort(byImporters);
}

/** Pages inside the component first, then those named after it, then how the whole is run. */
export function pagesFor(component: string, folders: readonly string[], pages: readonly string[]): string[] {
  const name = component.split('/').at(-1)?.toLowerCase() ?? '';
  const rank = (page: string): number => {
    if (folders.some((folder) => page.startsWith(`${folder.replace(/\/$/, '')}/`))) return 0;
    if (name.length > 2 && page.toLowerCase().split('/').at(-1)?.includes(name) === true) return 1;
    if (/runbook|operations|contributing|architecture/i.test(page)) return 2;
    return page.toLowerCase() === 'readme.md' ? 3 : Infinity;
  };
  return pages
    .map((page) => ({ page, at: rank(page) }))
    .filter(({ at }) => at < Infinity)
    .sort((a, b) => a.at - b.at || a.page.length - b.page.length || (a.page < b.page ? -1 : 1))
    .map(({ page }) => page);
}
