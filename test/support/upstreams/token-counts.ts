import { refuse } from '../../../src/contract/api/outcome.ts';
import { TokenCounts } from '../../../src/gateway/completions/token-counts.ts';
import type { EncodingName } from '../../../src/inference/text/token-encoding.ts';
import { TokenEncoding } from '../../../src/inference/text/token-encoding.ts';
import { ok } from '../../../src/kernel/result.ts';
import { encodingFile } from '../../../workers/builds/encoding-file.ts';

/** Counts of a deployment whose encodings cannot be loaded: by bytes. */
export const byteCounts = new TokenCounts(() => Promise.resolve(refuse('unavailable', 'there are no encodings')));

const loaded = new Map<EncodingName, TokenEncoding>();

/** The encoding, from the package that a deployment has it from. */
export async function encodingFor(name: EncodingName): Promise<TokenEncoding> {
  const encoding = loaded.get(name) ?? new TokenEncoding(name, await encodingFile(name));
  loaded.set(name, encoding);
  return encoding;
}

export const exactCounts = new TokenCounts(async (name) => ok(await encodingFor(name)));
