/** Fields that hold what people and models say, in the bodies of all surfaces. */
const TEXT_FIELDS = new Set([
  'content',
  'text',
  'input',
  'prompt',
  'instructions',
  'system',
  'query',
  'documents',
  'arguments',
  'thinking',
  'reasoning',
  'reasoning_content',
  'refusal',
]);

/** Parts of a body in which such fields stand. */
const HOLDERS = new Set([
  'messages',
  'message',
  'choices',
  'delta',
  'output',
  'item',
  'part',
  'response',
  'content_block',
  'tool_calls',
  'function',
  'custom',
  'prediction',
  'source',
  'summary',
]);

/** `field`: what the text stands in; of what a model thinks, `thinking`. */
type Change = (text: string, field: string) => string;

/**
 * A body with every text that is said in it replaced by what `change` answers: by people, by models, to tools and by tools. Names of models
 * and tools, ids, settings, pictures and sounds stay as they are, and so does the body itself.
 */
export const withTexts = <T>(body: T, change: Change): T => changedFields(body, change) as T;

/** The texts that are said in a body, in its order. */
export function textsOf(body: unknown): string[] {
  const texts: string[] = [];
  withTexts(body, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

/** What a model answers: without what it thinks, refuses, or calls tools with. */
export function saidIn(body: unknown): string[] {
  const texts: string[] = [];
  withTexts(body, (text, field) => {
    if (field === 'content' || field === 'text') texts.push(text);
    return text;
  });
  return texts;
}

const THOUGHTS: ReadonlySet<unknown> = new Set(['summary_text', 'reasoning_text']);

/** Only what stands in fields of texts. */
function changedFields(value: unknown, change: Change): unknown {
  if (Array.isArray(value)) return value.map((item) => changedFields(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (TEXT_FIELDS.has(name) || (name === 'data' && isPlainText(value))) return [name, changedText(inner, change, value, name)];
      return [name, HOLDERS.has(name) ? changedFields(inner, change) : inner];
    }),
  );
}

/** A document's source whose `data` is its text; of any other it is a file in base64. */
const isPlainText = (source: object): boolean => 'type' in source && source.type === 'text';

/** A text, several, or parts that have their own fields; what a tool is called with is said whole. */
function changedText(value: unknown, change: Change, holder: object, field: string): unknown {
  const type = 'type' in holder ? holder.type : undefined;
  if (typeof value === 'string') return change(value, THOUGHTS.has(type) ? 'thinking' : field);
  if (Array.isArray(value)) return value.map((item) => changedText(item, change, holder, field));
  return type === 'tool_use' ? changedEverywhere(value, change) : changedFields(value, change);
}

function changedEverywhere(value: unknown, change: Change): unknown {
  if (typeof value === 'string') return change(value, 'arguments');
  if (Array.isArray(value)) return value.map((item) => changedEverywhere(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, changedEverywhere(inner, change)]));
}
