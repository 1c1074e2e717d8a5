import type { LinearMatch } from './match-linear.ts';
import { linearOf } from './match-linear.ts';
import { hold, need } from './mismatch.ts';
import { isNear, scaledValue } from './terms.ts';
import type { Expression, Traced } from './traced-value.ts';
import { isExpression, sameDims } from './traced-value.ts';

interface AttentionMatch {
  readonly query: LinearMatch;
  readonly key: LinearMatch;
  readonly value: LinearMatch;
  readonly heads: number;
}

const expressionOf = (value: Traced | undefined, operator: string): Expression => {
  const found = need(value);
  hold(isExpression(found, operator), operator);
  return found as Expression;
};

/** `softmax(query key' / sqrt(width)) value` of each head, its heads put together again. */
export function attentionOf(value: Traced): AttentionMatch {
  const turned = expressionOf(expressionOf(value, 'Reshape').inputs[0], 'Transpose');
  hold(turned.attributes.get('perm')?.join() === HEADS_FIRST.join(), 'heads that are not put together');
  const [weights, valueHeads] = expressionOf(turned.inputs[0], 'MatMul').inputs;
  const values = headsOf(need(valueHeads), HEADS_FIRST);
  const scores = need(scaledValue(need(expressionOf(weights, 'Softmax').inputs[0])));
  const [query, key] = expressionOf(scores.value, 'MatMul').inputs;
  const [queries, keys] = [headsOf(need(query), HEADS_FIRST), headsOf(need(key), KEYS)];
  const { heads, width } = values;
  for (const part of [queries, keys]) hold(part.heads === heads && part.width === width, 'heads of other sizes');
  hold(isNear(scores.scale * queries.scale * keys.scale, 1 / Math.sqrt(width)) && values.scale === 1, 'another scale of scores');
  hold(sameDims(value.dims, values.linear.dims), 'other dimensions than the values');
  return { query: queries.linear, key: keys.linear, value: values.linear, heads };
}

const HEADS_FIRST = [0, 2, 1, 3];
const KEYS = [0, 2, 3, 1];

interface Heads {
  readonly linear: LinearMatch;
  readonly heads: number;
  readonly width: number;
  readonly scale: number;
}

/** A linear layer whose outputs are cut into heads and turned, and which a number may multiply at any of these steps. */
function headsOf(value: Traced, wanted: readonly number[]): Heads {
  let perm = [0, 1, 2, 3];
  let { scale, value: inner } = need(scaledValue(value));
  for (let turns = 0; isExpression(inner, 'Transpose') && turns < TURNS_MAX; turns += 1) {
    const turned = inner.attributes.get('perm') ?? [];
    hold(turned.length === 4, 'not four dimensions');
    perm = perm.map((axis) => turned[axis]!);
    const next = need(scaledValue(need(inner.inputs[0])));
    scale *= next.scale;
    inner = next.value;
  }
  const [rows = 0, tokens = 0, heads = 0, width = 0] = need(inner.dims);
  const split = need(scaledValue(need(expressionOf(inner, 'Reshape').inputs[0])));
  const linear = linearOf(split.value);
  hold(sameDims(linear.dims, [rows, tokens, heads * width]) && perm.join() === wanted.join(), 'no heads of a linear layer');
  return { linear, heads, width, scale: scale * split.scale };
}

const TURNS_MAX = 4;
