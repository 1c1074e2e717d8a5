import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import type { EncodingName } from '../../src/inference/text/token-encoding.ts';
import { TokenEncoding } from '../../src/inference/text/token-encoding.ts';
import { TokenTexts } from '../../src/inference/text/token-texts.ts';
import { ok } from '../../src/kernel/result.ts';
import { encodingFile } from '../builds/encoding-file.ts';

const loads = new Map<EncodingName, Promise<Outcome<TokenEncoding>>>();

/** Of this process or thread: each encoding is read when a line first has token ids. */
export const tokenTexts = new TokenTexts((name) => {
  const known = loads.get(name) ?? read(name);
  loads.set(name, known);
  return known;
});

async function read(name: EncodingName): Promise<Outcome<TokenEncoding>> {
  try {
    return ok(new TokenEncoding(name, await encodingFile(name)));
  } catch {
    return refuse('unavailable', `the encoding ${name} cannot be read`);
  }
}
