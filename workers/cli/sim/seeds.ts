import { InvalidArgumentError } from 'commander';

import { LIMITS } from '../../../src/contract/limits.ts';

/** Seeds as `42..51`, `7`, or `1,5,9..11`. */
export function seedsOf(text: string): readonly number[] {
  const seeds: number[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(part);
    const [first, last] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? match?.[1] ?? Number.NaN)];
    if (!(first <= last)) throw new InvalidArgumentError(`"${part}" is not a seed or a range of seeds such as 42..51.`);
    if (seeds.length + last - first >= LIMITS.traceSeedsMaxCount) {
      throw new InvalidArgumentError(`They are more than traceSeedsMaxCount, ${LIMITS.traceSeedsMaxCount}.`);
    }
    for (let seed = first; seed <= last; seed++) seeds.push(seed);
  }
  return seeds;
}
