import { OPENAI_HOST } from './openai-host.ts';
import type { Target } from '../target.ts';
import type { JsonObject } from './json.ts';

/** Token ids that a caller has sent, and the texts that stand for them in the body. */
export interface TokenInput {
  readonly ids: readonly unknown[];
  readonly texts: string | readonly unknown[];
  readonly encoding: string;
}

/** Of all of OpenAI's models that embed. */
const OPENAI_ENCODING = 'cl100k_base';

/**
 * The input as a target reads it: ids go to OpenAI's own models as they came, unless a guardrail has changed their texts. Other servers take ids for those of
 * their own vocabulary, or take none: they get the texts. [U221]
 */
export function inputFor({ baseUrl }: Pick<Target, 'baseUrl'>, { input }: JsonObject, sent: TokenInput | undefined): JsonObject {
  if (sent === undefined || sent.encoding !== OPENAI_ENCODING || !OPENAI_HOST.test(baseUrl)) return {};
  return isSame(input, sent.texts) ? { input: sent.ids } : {};
}

const isSame = (input: unknown, texts: TokenInput['texts']): boolean =>
  input === texts ||
  (Array.isArray(input) && Array.isArray(texts) && input.length === texts.length && input.every((text, at) => text === texts[at]));
