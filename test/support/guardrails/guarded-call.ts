import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { PII_KINDS } from '../../../src/contract/guardrails/guardrails.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { Ask } from '../../../src/upstreams/guardrails/guard.ts';
import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import { GuardSession } from '../../../src/upstreams/guardrails/guard-session.ts';
import { noTurn } from '../upstreams/unpaced-work.ts';
import type { Dialect } from '../../../src/upstreams/protocol/stream-tap.ts';

export const PEOPLE: Extract<Hook, { kind: 'pii' }> = {
  kind: 'pii',
  name: 'people',
  on: 'both',
  pii: [...PII_KINDS],
  action: 'mask',
  restores: false,
};

const NEVER: Ask = () => Promise.reject(new Error('nobody is to be asked'));

/** The guardrails of one call. */
export function sessionOf(hooks: readonly Hook[], ask: Ask = NEVER): GuardSession {
  const compiled = compileHooks({ policy: { name: 'desk@1', owner: 'platform', hooks }, hosts: { allowed: [], local: [] } });
  if (!compiled.ok) throw new Error(compiled.error.message);
  return new GuardSession({ hooks: compiled.value, ask, clock: { nowMs: () => 0 }, turn: noTurn });
}

export type StreamEvent = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder();

/** What is sent of a stream of these events, as text and parsed. */
export async function guardedEvents(session: GuardSession, dialect: Dialect, events: readonly StreamEvent[]) {
  const bytes = utf8(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
  const first = await session.push(dialect, 'req_1', bytes);
  const last = first.isBlocked ? undefined : await session.end();
  const text = decoder.decode(first.send) + decoder.decode(last?.send);
  const sent = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line): StreamEvent => JSON.parse(line.slice('data: '.length)) as StreamEvent);
  return { text, sent, isBlocked: first.isBlocked || last?.isBlocked === true };
}
