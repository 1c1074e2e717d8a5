import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtTeam } from '../../contract/debt/debt-plan.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { sumOf } from '../evidence/number-table.ts';
import { numberOf } from '../rules/rule.ts';
import type { ComponentOwnership } from './ownership.ts';
import type { TeamHistory } from './team-history.ts';

/** So many owners of the same code write it once as a platform. */
const PLATFORM_OWNERS_MIN = 3;

/** The same code, written by three owners or more. */
export interface PlatformCandidate {
  readonly code: string;
  readonly lines: number;
  readonly owners: readonly string[];
  readonly files: readonly string[];
}

/** What several owners write for themselves, the most lines first (D67); `ownerOf`: the owner of a file, null if it has none. */
export function platformCandidates(
  clones: readonly Pick<DebtFact, 'subject' | 'symbol' | 'value'>[],
  ownerOf: (file: string) => string | null,
): readonly PlatformCandidate[] {
  const found: PlatformCandidate[] = [];
  for (const [code, facts] of groupBy(clones, ({ symbol = '' }) => symbol)) {
    const owners = new Set(facts.flatMap(({ subject }) => ownerOf(subject) ?? []));
    if (owners.size < PLATFORM_OWNERS_MIN) continue;
    const lines = sumOf(facts.map(numberOf));
    found.push({ code, lines, owners: [...owners].sort(), files: facts.map(({ subject }) => subject).sort() });
  }
  return found.sort((a, b) => b.lines - a.lines || (a.code < b.code ? -1 : 1));
}

/** An author who knows a component alone, and the one nearest to learning it. */
export interface MentoringPair {
  readonly component: string;
  readonly mentor: string;
  readonly mentee: string;
  /** Of the component, what the mentee knows already; and of what changes with it. */
  readonly knows: number;
  readonly knowsNearby: number;
}

/**
 * For each component of tier 1 or 2 that one author keeps from being unknown: the member of its team that knows most of it, or of what changes
 * together with it (D68). Components of teams with no other member have none.
 */
export function mentoringPairs(
  owned: readonly ComponentOwnership[],
  teams: readonly DebtTeam[],
  { knowledge, together }: TeamHistory,
): readonly MentoringPair[] {
  const membersOf = new Map(teams.map(({ name, members }) => [name, members]));
  const shareOf = (component: string, author: string): number => {
    const known = knowledge.get(component);
    const whole = sumOf(known?.values() ?? []);
    return whole === 0 ? 0 : (known?.get(author) ?? 0) / whole;
  };
  return owned.flatMap(({ component, tier, owner, busFactor, authors: [mentor] }) => {
    if (tier > 2 || busFactor !== 1 || mentor === undefined || owner === null) return [];
    const nearby = [...(together.get(component) ?? [])];
    const pairs = (membersOf.get(owner) ?? [])
      .filter((member) => member !== mentor.author)
      .map((mentee) => ({
        component,
        mentor: mentor.author,
        mentee,
        knows: shareOf(component, mentee),
        knowsNearby: weightedMean(nearby, (other) => shareOf(other, mentee)),
      }))
      .sort((a, b) => b.knows - a.knows || b.knowsNearby - a.knowsNearby || (a.mentee < b.mentee ? -1 : 1));
    return pairs.slice(0, 1);
  });
}

function weightedMean(weighted: readonly (readonly [string, number])[], valueOf: (name: string) => number): number {
  let [sum, weights] = [0, 0];
  for (const [name, weight] of weighted) {
    sum += weight * valueOf(name);
    weights += weight;
  }
  return weights === 0 ? 0 : sum / weights;
}
