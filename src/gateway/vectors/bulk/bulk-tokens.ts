import * as z from 'zod';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { fromBase64Url, toBase64Url, utf8 } from '../../../kernel/bytes.ts';
import { constantTimeEqual } from '../../../kernel/hmac.ts';
import type { Hmac } from '../../../kernel/hmac.ts';
import { ok } from '../../../kernel/result.ts';

const count = z.int().min(0);

/** Where an import stands: of which file, into which index, for which key. */
const importState = z.strictObject({
  import: z.string().min(1).max(64),
  index: z.string().min(1),
  key: z.string().min(1),
  lines: count,
  bytes: count,
  /** Digest of all lines that were written before; empty at the start. */
  applied: z.string(),
});

/** The position of an export, and the generation whose vectors it contains. */
const exportState = z.strictObject({
  generation: z.string(),
  /** Null: before the first namespace. */
  namespace: z.string().nullable(),
  /** Null: before the first vector of the namespace. */
  id: z.string().nullable(),
});

const STATES = { import: importState, export: exportState } as const;

type Kind = keyof typeof STATES;
export type TokenState<K extends Kind> = z.output<(typeof STATES)[K]>;

/** Characters of a signature: 128 bits, as hex digits. */
const SIGNATURE_CHARS = 32;

/** The tokens by which imports and exports are resumed: a state, and its HMAC under the deployment's secret. */
export class BulkTokens {
  readonly #hmac: Hmac;

  constructor(hmac: Hmac) {
    this.#hmac = hmac;
  }

  async seal<K extends Kind>(kind: K, state: TokenState<K>): Promise<string> {
    const text = toBase64Url(utf8(JSON.stringify(state)));
    return `${text}.${await this.#signature(kind, text)}`;
  }

  /** Refuses with `invalid_value` what `seal` did not make of a state of this kind. */
  async open<K extends Kind>(kind: K, token: string): Promise<Outcome<TokenState<K>>> {
    const [text = '', signature = '', ...rest] = token.split('.');
    if (rest.length > 0) return NONE_OF_OURS;
    if (!constantTimeEqual(signature, await this.#signature(kind, text))) return NONE_OF_OURS;
    const parsed = STATES[kind].safeParse(jsonOf(text));
    return parsed.success ? ok(parsed.data as TokenState<K>) : NONE_OF_OURS;
  }

  /** An export's token is no import's, and neither is signed as anything else that the secret signs. */
  async #signature(kind: Kind, text: string): Promise<string> {
    return (await this.#hmac.hex(`bulk-token:${kind}:${text}`)).slice(0, SIGNATURE_CHARS);
  }
}

const NONE_OF_OURS = refuse('invalid_value', 'was not issued by this call', 'token');

function jsonOf(text: string): unknown {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return undefined;
  }
}
