import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { PromptMessage } from '../../contract/prompts/prompts.ts';
import { ok } from '../../kernel/result.ts';
import { selectorOf } from '../../upstreams/prompts/prompt-record.ts';
import { filledIn } from '../../upstreams/prompts/prompt-template.ts';
import type { Surface } from '../../upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import type { PromptDirectory } from './prompt-directory.ts';

/** A call as it goes on, with the messages of its prompt. */
export interface PromptedBody {
  readonly body: JsonObject;
  /** `name@version`; absent: the call names no prompt. */
  readonly prompt?: string;
}

/** OpenAI keeps its own prompts under such ids: they are passed on. */
const OPENAI_ID = /^pmpt_/;

/**
 * The body of a call with its prompt filled in, before anything else looks at it: rules, guardrails, bounds and the cache see what the model will.
 * [U165]
 */
export async function promptedBody(
  directory: Pick<PromptDirectory, 'find'>,
  { tenantId }: TenantPrincipal,
  surface: Surface,
  body: JsonObject,
): Promise<Outcome<PromptedBody>> {
  const { prompt: named, ...rest } = body;
  if ((surface !== 'chat' && surface !== 'responses') || named === undefined || named === null) return ok({ body });
  // The contract has checked its shape.
  const { id, version, variables } = named as { id: string; version?: string | number | null; variables?: JsonObject | null };
  if (surface === 'responses' && OPENAI_ID.test(id)) return ok({ body });
  const found = await directory.find(tenantId, id, selectorOf(version));
  if (!found.ok) return found;
  const filled = filledIn(found.value.template, variables ?? {}, VALUES);
  if (!filled.ok) return filled;
  const prompt = `${found.value.name}@${found.value.version}`;
  return ok({ prompt, body: surface === 'chat' ? withMessages(rest, filled.value) : withInput(rest, filled.value) });
}

const VALUES: FieldPath = ['prompt', 'variables'];

const withMessages = (body: JsonObject, messages: readonly PromptMessage[]): JsonObject => ({
  ...body,
  messages: [...messages, ...(Array.isArray(body['messages']) ? (body['messages'] as unknown[]) : [])],
});

function withInput(body: JsonObject, messages: readonly PromptMessage[]): JsonObject {
  const { input } = body;
  const said = typeof input === 'string' ? [{ role: 'user', content: input }] : Array.isArray(input) ? (input as unknown[]) : [];
  return { ...body, input: [...messages, ...said] };
}
