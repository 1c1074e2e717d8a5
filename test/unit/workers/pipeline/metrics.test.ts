import { expect, it } from 'vitest';

import { Metrics, metricsText } from '../../../../workers/gateway/pipeline/metrics.ts';

it('[G65] what a part of the isolate counts is one text with the rest: each name comes once', () => {
  const [own, part] = [new Metrics(), new Metrics()];
  for (const metrics of [own, part]) {
    metrics.count('requests_total', { route: metrics === own ? '/a' : '/b' });
    metrics.observe('seconds', { of: metrics === own ? 'own' : 'part' }, 0.5, [1]);
    metrics.gauge('bytes', { of: metrics === own ? 'own' : 'part' }, () => 7);
  }
  expect(metricsText(own.families())).not.toContain('/b');
  own.collect(() => part.families());
  expect(metricsText(own.families())).toBe(
    [
      '# TYPE bytes gauge',
      'bytes{of="own"} 7',
      'bytes{of="part"} 7',
      '# TYPE requests_total counter',
      'requests_total{route="/a"} 1',
      'requests_total{route="/b"} 1',
      '# TYPE seconds histogram',
      'seconds_bucket{of="own",le="1"} 1',
      'seconds_bucket{of="own",le="+Inf"} 1',
      'seconds_sum{of="own"} 0.5',
      'seconds_count{of="own"} 1',
      'seconds_bucket{of="part",le="1"} 1',
      'seconds_bucket{of="part",le="+Inf"} 1',
      'seconds_sum{of="part"} 0.5',
      'seconds_count{of="part"} 1',
      '',
    ].join('\n'),
  );
});
