import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { isRecord } from '../config-json.ts';
import { isTokenId } from '../pieces/read-vocabulary.ts';

/** A special token, or the place of a text: the first or the second. */
export type TemplateItem = { readonly type: number } & ({ readonly ids: readonly number[] } | { readonly text: 0 | 1 });

/** What stands around a text, and around two in a row. */
export interface Templates {
  readonly single: readonly TemplateItem[];
  readonly pair: readonly TemplateItem[];
}

const text = (which: 0 | 1, type: number): TemplateItem => ({ text: which, type });

/** The reference library numbers the texts of a pair where no step says otherwise. */
const PLAIN: Templates = { single: [text(0, 0)], pair: [text(0, 0), text(1, 1)] };

/** The field `post_processor` of a `tokenizer.json`. Refuses tokens without ids, and a second step that adds tokens. */
export function templatesOf(step: unknown, at: FieldPath): Outcome<Templates> {
  if (!isRecord(step)) return ok(PLAIN);
  switch (step['type']) {
    case 'Sequence':
      return inSequence(step['processors'], at);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return fixed(step, step['type'] === 'BertProcessing', at);
    case 'TemplateProcessing':
      return templates(step, at);
    default:
      return ok(PLAIN);
  }
}

function inSequence(steps: unknown, at: FieldPath): Outcome<Templates> {
  let found: Templates = PLAIN;
  for (const [i, step] of (Array.isArray(steps) ? (steps as unknown[]) : []).entries()) {
    const next = templatesOf(step, [...at, 'processors', i]);
    if (!next.ok) return next;
    if (next.value === PLAIN) continue;
    if (found !== PLAIN) return refuse('invalid_value', 'is the second step that adds tokens', [...at, 'processors', i]);
    found = next.value;
  }
  return ok(found);
}

/** BERT numbers the two texts; RoBERTa does not, and separates them with two tokens. */
function fixed(step: Readonly<Record<string, unknown>>, isBert: boolean, at: FieldPath): Outcome<Templates> {
  const [cls, sep] = ['cls', 'sep'].map((name) => (Array.isArray(step[name]) ? (step[name] as unknown[])[1] : undefined));
  if (!isTokenId(cls) || !isTokenId(sep)) return refuse('invalid_value', 'has no ids of cls and sep', at);
  const [first, last, second] = [{ ids: [cls], type: 0 }, { ids: [sep], type: 0 }, isBert ? 1 : 0];
  const single = [first, text(0, 0), last];
  const between = isBert ? [] : [last];
  return ok({ single, pair: [...single, ...between, text(1, second), { ids: [sep], type: second }] });
}

function templates(step: Readonly<Record<string, unknown>>, at: FieldPath): Outcome<Templates> {
  const made: Record<string, TemplateItem[]> = {};
  for (const name of ['single', 'pair']) {
    const items: TemplateItem[] = [];
    for (const [i, item] of (Array.isArray(step[name]) ? (step[name] as unknown[]) : []).entries()) {
      const read = templateItem(item, step['special_tokens']);
      if (read === undefined) return refuse('invalid_value', 'is no text, and no special token with ids', [...at, name, i]);
      items.push(read);
    }
    made[name] = items;
  }
  return ok({ single: made['single'] ?? [], pair: made['pair'] ?? [] });
}

function templateItem(item: unknown, special: unknown): TemplateItem | undefined {
  if (!isRecord(item)) return undefined;
  const { Sequence: sequence, SpecialToken: token } = item;
  if (isRecord(sequence)) return text(sequence['id'] === 'B' ? 1 : 0, Number(sequence['type_id'] ?? 0));
  if (!isRecord(token) || !isRecord(special)) return undefined;
  const named = special[String(token['id'])];
  const ids: unknown = isRecord(named) ? named['ids'] : undefined;
  return Array.isArray(ids) && ids.every(isTokenId) ? { ids, type: Number(token['type_id'] ?? 0) } : undefined;
}
