import type { DebtSignal } from '../../contract/debt/debt-facts.ts';
import type { DebtAction, DebtFinding, DebtItem } from '../../contract/debt/debt-items.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Assessment } from '../rules/assess.ts';
import { openItem } from '../item.ts';

const DAY_S = 86_400;

/** What happened to an item, for the audit. */
export interface DebtEvent {
  readonly kind: 'opened' | 'reopened' | 'repriced' | 'doubted' | 'closed' | 'acceptance ended' | 'accepted' | 'assigned' | 'overridden';
  readonly id: string;
  readonly atS: number;
  /** Who did it; null: a rule. */
  readonly by: string | null;
  readonly reason: string | null;
}

interface Reconciled {
  /** The items that are not what they were. */
  readonly changed: readonly DebtItem[];
  readonly events: readonly DebtEvent[];
}

/** What the rules find: for sure, or as candidates. */
type Found = Pick<Assessment, 'findings' | 'candidates'>;
type Change = { readonly item: DebtItem; readonly kind: DebtEvent['kind'] } | undefined;

/**
 * The items of a repository or deployment after its rules ran (D6).
 *
 * An item closes when its rule no longer finds it in facts that are known; while its signal is not known, it stays as it is. One that its rule finds
 * with too little confidence is a candidate until it is found for sure, or not at all; candidates that never were items do not become any (D33).
 */
export function reconcile(
  items: Iterable<DebtItem>,
  { findings, candidates }: Found,
  isKnown: (signal: DebtSignal, component: string) => boolean,
  nowS: number,
): Reconciled {
  const found = new Map(findings.map((finding) => [finding.id, finding]));
  const unsure = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  const changed: DebtItem[] = [];
  const events: DebtEvent[] = [];
  const change = (item: DebtItem, kind: DebtEvent['kind']): void => {
    changed.push(item);
    events.push({ kind, id: item.id, atS: nowS, by: null, reason: null });
  };
  for (const item of items) {
    const [finding, candidate] = [found.get(item.id), unsure.get(item.id)];
    found.delete(item.id);
    const next =
      finding !== undefined
        ? afterFinding(item, finding, nowS)
        : candidate !== undefined
          ? afterDoubt(item, candidate)
          : afterNothing(item, isKnown(item.signal, item.component), nowS);
    if (next !== undefined) change(next.item, next.kind);
  }
  for (const finding of found.values()) change(openItem(finding, nowS), 'opened');
  return { changed, events };
}

function afterFinding(item: DebtItem, finding: DebtFinding, nowS: number): Change {
  const current = { ...item, ...finding };
  if (item.state === 'closed' || item.state === 'candidate')
    return { item: { ...current, state: 'open', opened_at: nowS, closed_at: null }, kind: 'reopened' };
  return endOfAcceptance(current, nowS) ?? repriced(item, current);
}

function afterDoubt(item: DebtItem, candidate: DebtFinding): Change {
  const current: DebtItem = { ...item, ...candidate, state: 'candidate', closed_at: null, accepted_until: null };
  return item.state === 'candidate' ? repriced(item, current) : { item: current, kind: 'doubted' };
}

function afterNothing(item: DebtItem, isKnown: boolean, nowS: number): Change {
  // A gap that is not found was measured, or is not expected any more: its signal may be unknown for good.
  const mayClose = isKnown || item.rule === 'measurement-gap';
  if (item.state === 'closed' || !mayClose) return endOfAcceptance(item, nowS);
  return { item: { ...item, state: 'closed', closed_at: nowS, accepted_until: null }, kind: 'closed' };
}

const repriced = (item: DebtItem, current: DebtItem): Change =>
  JSON.stringify(current) === JSON.stringify(item) ? undefined : { item: current, kind: 'repriced' };

function endOfAcceptance(item: DebtItem, nowS: number): Change {
  if (item.state !== 'accepted' || (nowS < (item.accepted_until ?? 0) && !item.is_blocking)) return undefined;
  return { item: { ...item, state: 'open', accepted_until: null }, kind: 'acceptance ended' };
}

/** An item after a person did something to it, and the entry of the audit (D6). */
export function act(item: DebtItem, action: DebtAction, by: string, nowS: number): Outcome<{ item: DebtItem; event: DebtEvent }> {
  if (item.state === 'closed') return refuse('state_conflict', 'the item is closed: its rule no longer finds it');
  if (item.state === 'candidate')
    return refuse('state_conflict', 'the item is a candidate: it counts nowhere, unless the policy has a lower `confidence_min`');
  const done = (next: DebtItem, kind: DebtEvent['kind'], reason: string | null) =>
    ok({ item: next, event: { kind, id: item.id, atS: nowS, by, reason } });
  switch (action.action) {
    case 'accept':
      if (item.is_blocking) {
        return refuse('state_conflict', `a finding of ${item.rule} blocks and cannot be accepted: ${item.remedy}`, 'action');
      }
      return done({ ...item, state: 'accepted', accepted_until: nowS + action.days * DAY_S }, 'accepted', action.reason);
    case 'assign':
      return done({ ...item, assignee: action.assignee }, 'assigned', null);
    case 'override':
      return done({ ...item, override_minutes: action.minutes }, 'overridden', action.reason);
  }
}
