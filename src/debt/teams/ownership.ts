import type { DebtTeam } from '../../contract/debt/debt-plan.ts';
import { sumOf } from '../evidence/number-table.ts';
import type { TeamHistory } from './team-history.ts';

const DAY_S = 86_400;
/** An owner that has not changed a component for so long does not own it in effect. */
const EFFECTIVE_DAYS = 180;
/** Of a component's knowledge, what may not be lost. */
const KNOWLEDGE_KEPT = 0.5;
/** Another team knows a component better than its own from this share of recent commits. */
const MOVE_SHARE = 0.5;
/** Fewer recent commits say nothing of who works on a component. */
const MOVE_COMMITS_MIN = 10;

export interface ComponentOwnership {
  readonly component: string;
  readonly tier: 1 | 2 | 3;
  /** The team that CODEOWNERS or the policy names; null: none. */
  readonly owner: string | null;
  /** The owner, if one of its members changed the component in the last 180 days. */
  readonly effectiveOwner: string | null;
  /** Authors by their share of what is known of it, the most first. */
  readonly authors: readonly { readonly author: string; readonly share: number }[];
  /**
   * The fewest authors whose leaving takes more than half of what is known of it, after Avelino et al., A Novel Approach for Estimating Truck
   * Factors (ICPC 2016), with decayed lines in place of files.
   */
  readonly busFactor: number;
  /** Whether its team has members on call. */
  readonly isCovered: boolean;
  /** The team that made most of the recent commits, when that is another and there are enough to say so. */
  readonly moveTo: { readonly team: string; readonly share: number; readonly commits: number } | null;
}

export interface OwnedComponent {
  readonly name: string;
  readonly tier: 1 | 2 | 3;
  readonly owner: string | null;
}

/** The names by which an owner may mean an author `Name <address>`: the address, the part of it before the `@`, and the name without spaces. */
export function namesOfAuthor(author: string): readonly string[] {
  const text = author.toLowerCase();
  const open = text.lastIndexOf('<');
  if (open === -1 || !text.endsWith('>')) return [];
  const address = text.slice(open + 1, -1);
  // GitHub puts a number before the handle.
  const local = address.split('@')[0]?.replace(/^\d+\+/, '') ?? '';
  const name = text.slice(0, open).replaceAll(/\s+/g, '');
  return [address, ...[local, name].filter((one) => one !== '' && !one.includes('@'))];
}

/** An owner as `namesOfAuthor` has it: a handle, without its `@`, or an address. */
export const handleOf = (owner: string): string => owner.toLowerCase().replace(/^@/, '');

/** Whether an owner, by handle or address, is an author. */
export const isAuthor = (owner: string, author: string): boolean => namesOfAuthor(author).includes(handleOf(owner));

/** Who owns, knows and works on each component (D60 to D62). */
export function ownershipOf(
  components: readonly OwnedComponent[],
  teams: readonly DebtTeam[],
  history: TeamHistory,
): readonly ComponentOwnership[] {
  const teamOf = teamsByMember(teams);
  const byName = new Map(teams.map((team) => [team.name, team]));
  return components.map(({ name, tier, owner }) => {
    const team = owner === null ? undefined : byName.get(owner);
    const authors = sharesOf(history.knowledge.get(name));
    return {
      component: name,
      tier,
      owner,
      effectiveOwner: owner !== null && isEffective(owner, team, history, name) ? owner : null,
      authors,
      busFactor: busFactorOf(authors.map(({ share }) => share)),
      isCovered: (team?.on_call.length ?? 0) > 0,
      moveTo: betterTeam(owner, history.recent.get(name), teamOf),
    };
  });
}

/** The team of each member; one who is in several counts for the first. */
export function teamsByMember(teams: readonly DebtTeam[]): ReadonlyMap<string, string> {
  const of = new Map<string, string>();
  for (const { name, members } of teams) for (const member of members) if (!of.has(member)) of.set(member, name);
  return of;
}

function sharesOf(values: ReadonlyMap<string, number> = new Map()): ComponentOwnership['authors'] {
  const whole = sumOf(values.values());
  return [...values]
    .filter(([, value]) => value > 0)
    .map(([author, value]) => ({ author, share: value / whole }))
    .sort((a, b) => b.share - a.share || (a.author < b.author ? -1 : 1));
}

/** Of shares that fall: how many have to go until less than half is left; 0 of none. */
function busFactorOf(shares: readonly number[]): number {
  let left = 1;
  for (const [i, share] of shares.entries()) {
    left -= share;
    if (left < KNOWLEDGE_KEPT) return i + 1;
  }
  return shares.length;
}

/** An owner that no team describes is an author itself. */
function isEffective(owner: string, team: DebtTeam | undefined, history: TeamHistory, component: string): boolean {
  const last = history.lastAtS.get(component);
  const since = history.nowS - EFFECTIVE_DAYS * DAY_S;
  return (team?.members ?? [owner]).some((member) => (last?.get(member) ?? 0) >= since);
}

function betterTeam(owner: string | null, recent: ReadonlyMap<string, number> = new Map(), teamOf: ReadonlyMap<string, string>) {
  const commits = sumOf(recent.values());
  if (commits < MOVE_COMMITS_MIN) return null;
  const byTeam = new Map<string, number>();
  for (const [author, count] of recent) {
    const team = teamOf.get(author);
    if (team !== undefined) byTeam.set(team, (byTeam.get(team) ?? 0) + count);
  }
  const [team, most] = [...byTeam].find(([, count]) => count / commits > MOVE_SHARE) ?? [];
  return team === undefined || most === undefined || team === owner ? null : { team, share: most / commits, commits };
}
