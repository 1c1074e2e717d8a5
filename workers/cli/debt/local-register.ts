import { join } from 'node:path';

import type { DebtFinding, DebtItem, DebtRule } from '../../../src/contract/debt/debt-items.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import type { DatedCommit } from '../../../src/debt/evidence/change-time.ts';
import type { PaidItem, PaidRatios } from '../../../src/debt/paid-items.ts';
import { minutesOf, withPaid } from '../../../src/debt/paid-items.ts';
import { reconcile } from '../../../src/debt/store/register.ts';
import type { Measured } from './measure.ts';
import { git, isAncestor } from './repository/git.ts';
import { zoneMinutesOf } from './repository/read-history.ts';
import { keep, readKept } from './repository/kept-files.ts';
import type { Repository } from './repository/repository.ts';

/** The items of a repository as its last collection left them, beside its facts. */
interface LocalRegister {
  readonly commit: string;
  readonly items: readonly DebtItem[];
  readonly ratios: PaidRatios;
}

const fileOf = ({ cache }: Repository): string => join(cache, 'register-1.json');

/** What closed items took over what was estimated, for `assess`. */
export const paidRatios = async (repository: Repository): Promise<ReadonlyMap<DebtRule, readonly number[]>> =>
  byRule((await readKept<LocalRegister>(fileOf(repository)))?.ratios ?? {});

/** The candidates that were items before: their rule finds them still, and with less confidence. */
export async function doubtedItems(repository: Repository, candidates: readonly DebtFinding[]): Promise<readonly DebtFinding[]> {
  const items = (await readKept<LocalRegister>(fileOf(repository)))?.items ?? [];
  const doubted = new Set(items.flatMap(({ id, state }) => (state === 'candidate' ? [id] : [])));
  return candidates.filter(({ id }) => doubted.has(id));
}

const byRule = (ratios: PaidRatios) => new Map(Object.entries(ratios) as [DebtRule, readonly number[]][]);

/**
 * Opens and closes items by what was collected, and learns from those that closed what paying takes. Only a later commit does: going back closes
 * nothing that anyone paid.
 */
export async function updateRegister({ repository, policy, facts }: Measured): Promise<void> {
  const before = await readKept<LocalRegister>(fileOf(repository));
  if (before !== undefined && !(await isAncestor(repository.root, before.commit, repository.commit))) return;
  const ratios = before?.ratios ?? {};
  const found = assess(facts, policy, byRule(ratios));
  const { changed } = reconcile(before?.items ?? [], found, (signal, component) => facts.isKnown(signal, component), facts.nowS);
  const items = new Map((before?.items ?? []).map((item) => [item.id, item]));
  for (const item of changed) items.set(item.id, item);
  const closed = changed.filter(({ state }) => state === 'closed');
  const paid = before === undefined || closed.length === 0 ? [] : await paidOf(repository, before.commit, closed);
  const kept = [...items.values()].filter(({ state }) => state !== 'closed');
  const register: LocalRegister = { commit: repository.commit, items: kept, ratios: withPaid(ratios, paid) };
  await keep(fileOf(repository), register);
}

/** What the commits since then took that touched the subjects of closed items. */
async function paidOf({ root, commit }: Repository, since: string, closed: readonly DebtItem[]): Promise<PaidItem[]> {
  const log = async (...paths: string[]): Promise<DatedCommit[]> => {
    const text = await git(
      root,
      'log',
      '--no-merges',
      '--reverse',
      '--date=format:%z',
      '--format=%H %at %ad %aE',
      commit,
      `^${since}`,
      ...paths,
    );
    return text.split('\n').flatMap((line) => {
      const [id = '', atS = '', zone = '', author = ''] = line.split(' ');
      return id === '' ? [] : [{ id, atS: Number(atS), zoneMinutes: zoneMinutesOf(zone), author }];
    });
  };
  const all = await log();
  const paid: PaidItem[] = [];
  for (const item of closed) {
    // What is no file, such as a package or a team, has no commits of its own.
    const touched = item.subject.includes('/') || item.subject.includes('.') ? await log('--', `:(literal)${item.subject}`) : [];
    paid.push({ item, actualMinutes: minutesOf(all, new Set(touched.map(({ id }) => id))) });
  }
  return paid;
}
