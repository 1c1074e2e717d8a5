import type { DebtFinding, DebtItem, DebtRule } from '../contract/debt/debt-items.ts';
import { shortSha256 } from '../kernel/short-sha256.ts';
import { evenSpread } from './spread.ts';

/** The id of an item, now and after every edit that leaves its subject and symbol their names (D3). */
export const itemIdOf = (rule: DebtRule, subject: string, symbol: string): string => shortSha256(JSON.stringify([rule, subject, symbol]));

/** A finding that is new to a register. */
export const openItem = (finding: DebtFinding, nowS: number): DebtItem => ({
  ...finding,
  state: 'open',
  opened_at: nowS,
  closed_at: null,
  accepted_until: null,
  assignee: null,
  override_minutes: null,
});

/** The open ones, each at what a person said that paying it takes, else at what its rule estimates. */
export const openItems = (items: readonly DebtItem[]): DebtItem[] =>
  items
    .filter(({ state }) => state === 'open')
    .map((item) => (item.override_minutes === null ? item : { ...item, principal_minutes: evenSpread(item.override_minutes) }));
