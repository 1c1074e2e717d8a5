import { hold, matched, need } from './mismatch.ts';
import { unshaped } from './picked-rows.ts';
import { factorsOf } from './terms.ts';
import type { Expression, Traced } from './traced-value.ts';
import { axisOf, isExpression } from './traced-value.ts';

const SIXTEEN = 16;

/** Bytes of two codes of 4 bits each: the halves of a block, one behind the other. */
export function matchNibbles({ inputs, attributes, dims }: Expression): {
  readonly bytes: Traced;
  readonly nibbles: 'low-first' | 'high-first';
} {
  const rank = dims?.length ?? 0;
  hold(inputs.length === 2 && axisOf(attributes.get('axis')?.[0] ?? 0, rank) === rank - 1, 'no two halves of a block');
  const [first, second] = inputs.map((input) => unshaped(need(input))) as [Traced, Traced];
  const low = matched(() => bytesOf(first, second));
  if (low !== undefined) return { bytes: low, nibbles: 'low-first' };
  return { bytes: bytesOf(second, first), nibbles: 'high-first' };
}

/** The bytes of which one value is the low bits and the other the high ones. */
function bytesOf(low: Traced, high: Traced): Traced {
  hold(isExpression(high, 'Floor') && isExpression(low, 'Sub'), 'no bits');
  const sixteenth = need(factorsOf(need((high as Expression).inputs[0])));
  const [bytes] = sixteenth.values;
  const [from, taken] = (low as Expression).inputs;
  const raised = need(factorsOf(need(taken)));
  hold(sixteenth.scale === 1 / SIXTEEN && sixteenth.values.length === 1, 'no sixteenth');
  hold(from === bytes && raised.scale === SIXTEEN && raised.values.length === 1 && raised.values[0] === high, 'other than what is left');
  hold(isExpression(bytes, 'Cast'), 'no bytes as floats');
  return bytes!;
}
