import { generateKeyPairSync, sign } from 'node:crypto';

import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import type { SignedFacts } from '../../../src/debt/store/signed-facts.ts';
import { FACTS_TYPE, preAuthentication } from '../../../src/debt/store/signed-facts.ts';

/** A key as a CI has it, and what it signs. */
export function signer() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  // The last 32 bytes of its DER are the key itself.
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    publicKey: raw.toString('base64'),
    sign: (payload: object, payloadType = FACTS_TYPE): SignedFacts => {
      const bytes = new TextEncoder().encode(JSON.stringify(payload));
      const sig = sign(null, preAuthentication(payloadType, bytes), privateKey).toString('base64');
      return { payloadType, payload: Buffer.from(bytes).toString('base64'), signatures: [{ sig }] };
    },
  };
}

type About = Pick<DebtFact, 'kind' | 'subject' | 'value' | 'unit'> & Partial<DebtFact>;

/** A fact with evidence. */
export const factOf = (about: About, collectedAtS: number): DebtFact => ({
  evidence: { file: 'facts.json', sha256: '0'.repeat(64), tool: 'test', tool_version: '1', git_commit: null },
  collected_at: collectedAtS,
  ttl_s: 86_400,
  ...about,
});

/** The facts of a signal of todos: their ages in days, by file; with the census. */
export const todosOf = (ages: Readonly<Record<string, number>>, collectedAtS: number): DebtFact[] => [
  factOf({ kind: 'census', subject: '.', symbol: 'todos', value: Object.keys(ages).length, unit: 'subjects' }, collectedAtS),
  ...Object.entries(ages).map(([subject, value]) =>
    factOf({ kind: 'todo', subject, symbol: 'fix this', value, unit: 'days' }, collectedAtS),
  ),
];
