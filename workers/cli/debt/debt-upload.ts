import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import type { Command } from 'commander';

import type { DebtRepositoryReply } from '../../../src/contract/debt/debt.ts';
import type { DebtFactFile } from '../../../src/contract/debt/debt-facts.ts';
import { FACTS_TYPE, preAuthentication } from '../../../src/debt/store/signed-facts.ts';
import { isFresh, signalOf } from '../../../src/debt/fact.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { groupBy } from '../../../src/kernel/grouped.ts';
import { command, Failure } from '../command/command.ts';
import { nowS } from './assessed.ts';
import { readFacts } from './measure.ts';
import { caller } from '../gateway/gateway-command.ts';
import { jsonFile } from '../command/json-file.ts';

/** Facts of one upload: some 500 bytes each, a third more in base64, below the 8 MiB of a body. */
const FACTS_AT_ONCE = 8_000;

/** `sluice debt key`. */
export const debtKey = (): Command =>
  command('key', 'Makes the key that a CI signs facts with, and registers its public half.')
    .argument('<repository>', 'as fact files name it, such as github.com/example/search')
    .argument('<file>', 'where the private key goes; it is a secret of the CI')
    .option('--policy <file>', 'the debt.json of the repository')
    .action(makeKey);

/** `sluice debt upload`. */
export const debtUpload = (): Command =>
  command('upload', 'Signs a fact file and uploads it into the debt register.')
    .argument('<facts>', 'as `sluice debt collect` wrote it')
    .requiredOption('--key <file>', 'the private key of the repository')
    .option('--without-authors', 'leave out who changed what, by name and address: the register says nothing of teams then')
    .action(upload);

async function makeKey(repository: string, file: string, { policy }: { readonly policy?: string }): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  // The last 32 bytes of its DER are the key itself.
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
  const terms = policy === undefined ? {} : { policy: await jsonFile(policy) };
  const body = { repository, public_key: raw, ...terms };
  const { id } = await (await caller()).call<DebtRepositoryReply>('PUT', '/v1/debt/repositories', body);
  console.log(`${id}: facts of ${repository} are taken if they are signed with ${file}`);
}

interface UploadFlags {
  readonly key: string;
  readonly withoutAuthors?: boolean;
}

async function upload(path: string, { key: keyFile, withoutAuthors = false }: UploadFlags): Promise<void> {
  const read = await readFacts(path);
  const file = withoutAuthors ? { ...read, facts: read.facts.filter((fact) => signalOf(fact) !== 'teams') } : read;
  const key = createPrivateKey(await readFile(keyFile));
  if (createPublicKey(key).asymmetricKeyType !== 'ed25519')
    throw new Failure(`${keyFile} is no key of Ed25519: make one by \`sluice debt key\``);
  const client = await caller();
  for (const facts of portions(file, nowS())) {
    const payload = utf8(JSON.stringify({ signed_at: nowS(), file: { ...file, facts } }));
    const sig = sign(null, preAuthentication(FACTS_TYPE, payload), key).toString('base64');
    const envelope = { payloadType: FACTS_TYPE, payload: Buffer.from(payload).toString('base64'), signatures: [{ sig }] };
    const taken = await client.call<{ facts: number; opened: number; closed: number }>('POST', '/v1/debt/facts', envelope);
    console.log(`${taken.facts} facts: ${taken.opened} items opened, ${taken.closed} closed`);
  }
}

/**
 * Signals whole, because the facts of one replace all that was known of it. Those that have expired stay here: `collect` keeps a census of each signal
 * that it could not measure any more, which is older than what the register has. [D99]
 */
export function portions({ facts }: DebtFactFile, atS: number): DebtFactFile['facts'][] {
  const portion: DebtFactFile['facts'][] = [[]];
  const fresh = facts.filter((fact) => isFresh(fact, atS));
  for (const ofSignal of groupBy(fresh, (fact) => signalOf(fact) ?? '').values()) {
    if (ofSignal.length > FACTS_AT_ONCE)
      throw new Failure(`a signal has ${ofSignal.length} facts: a register takes ${FACTS_AT_ONCE} at once`);
    const last = portion.at(-1) ?? [];
    if (last.length + ofSignal.length > FACTS_AT_ONCE) portion.push([...ofSignal]);
    else last.push(...ofSignal);
  }
  return portion;
}
