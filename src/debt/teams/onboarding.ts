import type { DebtFact } from '../../contract/debt-facts.ts';
import type { DebtFinding } from '../../contract/debt-items.ts';
import type { ComponentOwnership } from './ownership.ts';

const SHOWN_MAX = 5;
/** A first item is done in an hour, also if the estimate is too low. */
const FIRST_ITEM_MINUTES_MAX = 60;

export interface OnboardingInput {
  readonly owned: ComponentOwnership;
  /** Its source files, without tests. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Imports between files of the repository. */
  readonly imports: readonly { readonly from: string; readonly to: string }[];
  /** Every page of documentation of the repository, by path. */
  readonly pages: readonly string[];
  readonly findings: readonly DebtFinding[];
  readonly incidents: readonly DebtFact[];
}

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
  /** Items in one of its files that take an hour at most, the shortest first. */
  readonly firstItems: readonly DebtFinding[];
}

/** An onboarding path from what is measured already (D72). */
export function onboardingPath({ owned, files, folders, imports, pages, findings, incidents }: OnboardingInput): OnboardingPath {
  const own = new Set(files);
  return {
    component: owned.component,
    owner: owned.owner,
    authors: owned.authors.slice(0, SHOWN_MAX),
    entryPoints: entryPointsOf(own, imports).slice(0, SHOWN_MAX),
    pages: pagesFor(owned.component, folders, pages).slice(0, SHOWN_MAX),
    incidents: incidents
      .filter(({ subject }) => subject === owned.component)
      .sort((a, b) => b.collected_at - a.collected_at)
      .slice(0, SHOWN_MAX)
      .map(({ symbol = '', value, detail }) => ({ id: symbol, text: String(detail?.['text'] ?? ''), minutes: Number(value) })),
    firstItems: findings
      .filter((one) => own.has(one.subject) && !one.is_blocking && one.principal_minutes.p90 <= FIRST_ITEM_MINUTES_MAX)
      .sort((a, b) => a.principal_minutes.p50 - b.principal_minutes.p50 || (a.id < b.id ? -1 : 1))
      .slice(0, SHOWN_MAX),
  };
}

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);

function entryPointsOf(own: ReadonlySet<string>, imports: OnboardingInput['imports']) {
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
  return Array.from(outside, ([path, importers]) => ({ path, importedBy: importers.size })).sort(
    (a, b) => b.importedBy - a.importedBy || byPath(a, b),
  );
}

function pagesFor(component: string, folders: readonly string[], pages: readonly string[]): string[] {
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
