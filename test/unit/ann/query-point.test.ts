import { describe, expect, it } from 'vitest';

import { recommend } from '../../../src/ann/shard/query-point.ts';

const of = (...values: number[]) => Float32Array.from(values);

describe('recommend', () => {
  it('[V72] is the mean of positive examples, moved away from negative ones', () => {
    expect(recommend('dot', [of(1, 2)], [])).toEqual(of(1, 2));
    expect(recommend('l2', [of(1, 2), of(3, 6)], [])).toEqual(of(2, 4));
    expect(recommend('dot', [of(1, 2), of(3, 6)], [of(0, 1), of(2, 1)])).toEqual(of(3, 7));
  });

  it('[V72] uses the directions of examples under cosine, where zero vectors have none', () => {
    expect(recommend('cosine', [of(300, 400), of(0, 0.5)], [])).toEqual(of(0.3, 0.9));
    expect(recommend('cosine', [of(0, 7), of(0, 0)], [of(0, 0)])).toEqual(of(0, 1));
  });

  it('[V12] stays finite for the largest and the smallest floats', () => {
    const huge = of(3.4e38, -3.4e38);
    expect(recommend('dot', [huge], [of(-3.4e38, 3.4e38)]).every(Number.isFinite)).toBe(true);
    const direction = recommend('cosine', [huge], []);
    expect([...direction]).toEqual([expect.closeTo(Math.SQRT1_2, 6), expect.closeTo(-Math.SQRT1_2, 6)]);
    expect([...recommend('cosine', [of(1e-45, 0)], [])]).toEqual([1, 0]);
  });
});
