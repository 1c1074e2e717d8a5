import type { FieldPath } from '../../contract/api/field-path.ts';
import { PROMPT_LIMITS } from '../../contract/prompts/prompt-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { PromptMessage, PromptVariable } from '../../contract/prompts/prompts.ts';
import { ok } from '../../kernel/result.ts';
import { valueText } from './prompt-value.ts';

/** The messages of a version, and the variables that they name. */
export interface PromptTexts {
  readonly messages: readonly PromptMessage[];
  readonly variables: Readonly<Record<string, PromptVariable>>;
}

/** Texts and, at the odd places, names of variables. */
type Parts = readonly string[];

/** A version that is ready to be filled in. */
export interface PromptTemplate {
  readonly messages: readonly { readonly role: PromptMessage['role']; readonly parts: Parts }[];
  readonly variables: ReadonlyMap<string, PromptVariable>;
}

/** Two escaped braces, a variable, or two braces that are neither. */
const MARKS = /\\\{\{|\{\{\s*([A-Za-z_]\w{0,63})\s*\}\}|\{\{/g;

/**
 * Refuses messages that name what is not declared, declarations that no message names, and defaults that are no values of their variables.
 * [U160]
 */
export function templateOf({ messages, variables }: PromptTexts): Outcome<PromptTemplate> {
  const declared = new Map(Object.entries(variables));
  const unnamed = new Set(declared.keys());
  const read: PromptTemplate['messages'][number][] = [];
  for (const [at, { role, content }] of messages.entries()) {
    const path: FieldPath = ['messages', at, 'content'];
    const parts = partsOf(content, path);
    if (!parts.ok) return parts;
    for (const name of namesIn(parts.value)) {
      if (!declared.has(name)) return refuse('invalid_value', `names the variable ${name}, which \`variables\` does not declare`, path);
      unnamed.delete(name);
    }
    read.push({ role, parts: parts.value });
  }
  for (const [name, variable] of declared) {
    const path: FieldPath = ['variables', name];
    if (unnamed.has(name))
      return refuse('invalid_value', 'is named by no message: take it out, or write {{name}} where its value belongs', path);
    const text = variable.default === undefined ? ok('') : valueText(variable, variable.default, [...path, 'default']);
    if (!text.ok) return text;
  }
  return ok({ messages: read, variables: declared });
}

/**
 * The messages with the values of a call filled in. A value is inserted as text: braces in it are not a template. Refuses values that are
 * missing, not declared, or not of their type. `path`: where the request has the values. [U161] [U162]
 */
export function filledIn(
  { messages, variables }: PromptTemplate,
  values: Readonly<Record<string, unknown>>,
  path: FieldPath,
): Outcome<readonly PromptMessage[]> {
  const undeclared = Object.keys(values).find((name) => !variables.has(name));
  if (undeclared !== undefined) {
    const known = variables.size === 0 ? 'it has no variables' : `it has ${[...variables.keys()].join(', ')}`;
    return refuse('invalid_value', `is no variable of the prompt: ${known}`, [...path, undeclared]);
  }
  const texts = new Map<string, string>();
  const tooLong = () => refuseBeyond({ path, limit: 'promptRenderedCharsMax', what: 'make more text than a prompt may have' });
  // Each value is in some message: no more of them is written than may be sent.
  let charsOnce = 0;
  for (const [name, variable] of variables) {
    const value = Object.hasOwn(values, name) ? values[name] : variable.default;
    if (value === undefined) return refuse('invalid_value', 'is missing: the prompt has no default for it', [...path, name]);
    const text = valueText(variable, value, [...path, name]);
    if (!text.ok) return text;
    texts.set(name, text.value);
    charsOnce += text.value.length;
    if (charsOnce > PROMPT_LIMITS.promptRenderedCharsMax) return tooLong();
  }
  let chars = 0;
  const filled: PromptMessage[] = [];
  for (const { role, parts } of messages) {
    const pieces: string[] = [];
    for (const [at, part] of parts.entries()) {
      const text = at % 2 === 0 ? part : (texts.get(part) ?? '');
      chars += text.length;
      if (chars > PROMPT_LIMITS.promptRenderedCharsMax) return tooLong();
      pieces.push(text);
    }
    filled.push({ role, content: pieces.join('') });
  }
  return ok(filled);
}

const namesIn = (parts: Parts): string[] => parts.filter((_, at) => at % 2 === 1);

function partsOf(content: string, path: FieldPath): Outcome<Parts> {
  const parts: string[] = [];
  let [text, end] = ['', 0];
  for (const { 0: mark, 1: name, index } of content.matchAll(MARKS)) {
    text += content.slice(end, index);
    end = index + mark.length;
    if (name !== undefined) {
      parts.push(text, name);
      text = '';
    } else if (mark === '{{') {
      const shown = JSON.stringify(content.slice(index, index + 24));
      return refuse('invalid_value', `has ${shown}, which is no {{name}}: write \\{{ for two braces`, path);
    } else text += '{{';
  }
  return ok([...parts, text + content.slice(end)]);
}
