import { expect, it } from 'vitest';

import { Metrics, metricsText } from '../../../../workers/gateway/pipeline/metrics.ts';

it('[G65] [G104] what a part of the isolate counts is one text with the rest: each name comes once', () => {
  const [own, part] = [new Metrics(), new Metrics()];
  for (const metrics of [own, part]) {
    metrics.count('sluice_requests_total', { route: metrics === own ? '/a' : '/b' });
    metrics.observe('sluice_model_load_seconds', { of: metrics === own ? 'own' : 'part' }, 0.5, [1]);
    metrics.gauge('sluice_cache_bytes', { of: metrics === own ? 'own' : 'part' }, () => 7);
  }
  expect(metricsText(own.families())).not.toContain('/b');
  own.collect(() => part.families());
  expect(metricsText(own.families())).toBe(
    [
      "# HELP sluice_cache_bytes Bytes that the isolate's caches hold.",
      '# TYPE sluice_cache_bytes gauge',
      'sluice_cache_bytes{of="own"} 7',
      'sluice_cache_bytes{of="part"} 7',
      '# HELP sluice_requests_total Requests, by route, method and status.',
      '# TYPE sluice_requests_total counter',
      'sluice_requests_total{route="/a"} 1',
      'sluice_requests_total{route="/b"} 1',
      '# HELP sluice_model_load_seconds Loads of the models of the deployment.',
      '# TYPE sluice_model_load_seconds histogram',
      'sluice_model_load_seconds_bucket{of="own",le="1"} 1',
      'sluice_model_load_seconds_bucket{of="own",le="+Inf"} 1',
      'sluice_model_load_seconds_sum{of="own"} 0.5',
      'sluice_model_load_seconds_count{of="own"} 1',
      'sluice_model_load_seconds_bucket{of="part",le="1"} 1',
      'sluice_model_load_seconds_bucket{of="part",le="+Inf"} 1',
      'sluice_model_load_seconds_sum{of="part"} 0.5',
      'sluice_model_load_seconds_count{of="part"} 1',
      '',
    ].join('\n'),
  );
});
