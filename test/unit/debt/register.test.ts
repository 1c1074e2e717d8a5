import { describe, expect, it } from 'vitest';
import type { DebtFinding, DebtItem } from '../../../src/contract/debt/debt-items.ts';
import { debtAction } from '../../../src/contract/debt/debt-items.ts';
import { openItem, openItems } from '../../../src/debt/item.ts';
import { act, reconcile } from '../../../src/debt/store/register.ts';
import { NOW_S } from '../../support/fixtures/debt-facts.ts';
import { finding } from '../../support/fixtures/debt-findings.ts';

const DAY_S = 86_400;
const known = (): boolean => true;
const item = (subject = 'a', over: Partial<DebtItem> = {}): DebtItem => ({ ...openItem(finding(subject), NOW_S), ...over });
const found = (...findings: DebtFinding[]) => ({ findings, candidates: [] });
const kindsOf = ({ events }: ReturnType<typeof reconcile>) => events.map(({ kind }) => kind);

describe('[D6] items and their rules', () => {
  it('open when found, close when no longer found, and open again', () => {
    const opened = reconcile([], found(finding('a')), known, NOW_S);
    expect(opened.changed).toEqual([item()]);
    expect(kindsOf(opened)).toEqual(['opened']);
    const closed = reconcile(opened.changed, found(), known, NOW_S + 5);
    expect(closed.changed).toEqual([item('a', { state: 'closed', closed_at: NOW_S + 5 })]);
    const again = reconcile(closed.changed, found(finding('a')), known, NOW_S + 9);
    expect(again.changed).toEqual([item('a', { opened_at: NOW_S + 9 })]);
    expect(kindsOf(again)).toEqual(['reopened']);
  });

  it('stay open while their signal is not known', () => {
    const isKnown = (signal: string): boolean => signal !== 'todos';
    expect(reconcile([item()], found(), isKnown, NOW_S)).toEqual({ changed: [], events: [] });
  });

  it('do not change when what was found has not', () => {
    expect(reconcile([item()], found(finding('a')), known, NOW_S + 5)).toEqual({ changed: [], events: [] });
    const repriced = reconcile([item()], found(finding('a', { title: 'older' })), known, NOW_S + 5);
    expect(repriced.changed).toEqual([item('a', { title: 'older' })]);
    expect(kindsOf(repriced)).toEqual(['repriced']);
  });

  it('close as gaps once their signal is not expected, though it is not known', () => {
    const gap = item('a', { rule: 'measurement-gap' });
    expect(reconcile([gap], found(), () => false, NOW_S + 5).changed).toEqual([{ ...gap, state: 'closed', closed_at: NOW_S + 5 }]);
  });

  it('leave an acceptance when they come to block', () => {
    const accepted = item('a', { state: 'accepted', accepted_until: NOW_S + 10 });
    const ended = reconcile([accepted], found(finding('a', { is_blocking: true })), known, NOW_S + 5);
    expect(ended.changed).toEqual([item('a', { is_blocking: true })]);
    expect(kindsOf(ended)).toEqual(['acceptance ended']);
  });

  it('leave an acceptance when its time ends, found or not known', () => {
    const accepted = item('a', { state: 'accepted', accepted_until: NOW_S + 10 });
    expect(reconcile([accepted], found(finding('a')), known, NOW_S + 9).changed).toEqual([]);
    expect(reconcile([accepted], found(finding('a')), known, NOW_S + 10).changed).toEqual([item()]);
    expect(kindsOf(reconcile([accepted], found(), () => false, NOW_S + 10))).toEqual(['acceptance ended']);
  });
});

describe('[D102] an item that its rule is not sure of any more', () => {
  const doubt = (items: readonly DebtItem[], atS: number) =>
    reconcile(items, { findings: [], candidates: [finding('a', { confidence: 0.5 }), finding('b')] }, known, atS);

  it('is a candidate, is found again, and closes', () => {
    const accepted = item('a', { state: 'accepted', accepted_until: NOW_S + 99 });
    const doubted = doubt([accepted], NOW_S + 5);
    expect(doubted.changed).toEqual([item('a', { state: 'candidate', confidence: 0.5 })]);
    expect(kindsOf(doubted)).toEqual(['doubted']);
    expect(doubt(doubted.changed, NOW_S + 6)).toEqual({ changed: [], events: [] });
    const again = reconcile(doubted.changed, found(finding('a')), known, NOW_S + 7);
    expect([again.changed, kindsOf(again)]).toEqual([[item('a', { opened_at: NOW_S + 7 })], ['reopened']]);
    const closed = reconcile(doubted.changed, found(), known, NOW_S + 8);
    expect([closed.changed.map(({ state, closed_at }) => [state, closed_at]), kindsOf(closed)]).toEqual([
      [['closed', NOW_S + 8]],
      ['closed'],
    ]);
  });

  it('is one though an earlier version closed it, and is nothing that people act on', () => {
    const [was] = doubt([item('a', { state: 'closed', closed_at: NOW_S - 9 })], NOW_S).changed;
    expect(was).toEqual(item('a', { state: 'candidate', confidence: 0.5 }));
    const refused = act(was!, { action: 'accept', days: 9, reason: 'later' }, 'ada', NOW_S);
    expect(refused).toMatchObject({ error: { code: 'state_conflict', message: expect.stringContaining('confidence_min') as string } });
  });
});

describe('[D6] items and people', () => {
  it('are accepted for at most 90 days, with a reason', () => {
    const accepted = act(item(), { action: 'accept', days: 90, reason: 'the API goes away in May' }, 'ada', NOW_S);
    expect(accepted.ok && accepted.value.item).toEqual(item('a', { state: 'accepted', accepted_until: NOW_S + 90 * DAY_S }));
    expect(accepted.ok && accepted.value.event).toEqual({
      kind: 'accepted',
      id: item().id,
      atS: NOW_S,
      by: 'ada',
      reason: 'the API goes away in May',
    });
    expect(debtAction.safeParse({ action: 'accept', days: 91, reason: 'x' }).success).toBe(false);
    expect(debtAction.safeParse({ action: 'accept', days: 1, reason: '' }).success).toBe(false);
    expect(debtAction.safeParse({ action: 'close' }).success).toBe(false);
  });

  it('are not accepted when they block, and not touched when closed', () => {
    const blocking = act(item('a', { is_blocking: true }), { action: 'accept', days: 1, reason: 'x' }, 'ada', NOW_S);
    expect(!blocking.ok && blocking.error.code).toBe('state_conflict');
    const closed = act(item('a', { state: 'closed' }), { action: 'assign', assignee: 'bo' }, 'ada', NOW_S);
    expect(!closed.ok && closed.error.code).toBe('state_conflict');
  });

  it('keep a stated cost and an assignee when the rule prices them anew', () => {
    const overridden = act(item(), { action: 'override', minutes: 90, reason: 'we did one' }, 'ada', NOW_S);
    const assigned = overridden.ok ? act(overridden.value.item, { action: 'assign', assignee: 'bo' }, 'ada', NOW_S) : overridden;
    if (!assigned.ok) throw new Error('refused');
    const [next] = reconcile([assigned.value.item], found(finding('a', { title: 'older' })), known, NOW_S).changed;
    expect(next).toMatchObject({ assignee: 'bo', override_minutes: 90, title: 'older' });
    expect(openItems([next as DebtItem, item()]).map((one) => one.principal_minutes.p50)).toEqual([90, 30]);
  });
});
