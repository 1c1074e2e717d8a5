import { describe, expect, it } from 'vitest';

import { readSettings } from '../../../workers/local/settings.ts';
import { SetupError } from '../../../workers/local/setup-error.ts';

describe('the settings of a local deployment', () => {
  it('have defaults, and make the path of the state folder absolute', () => {
    expect(readSettings({})).toMatchObject({ port: 8787, stateDir: expect.stringMatching(/^\/.*\.sluice\/state$/) });
    expect(readSettings({ PORT: '65535', SLUICE_STATE_DIR: '/tmp/x/../y' })).toEqual({
      port: 65_535,
      stateDir: '/tmp/y',
      variables: { LOG_LEVEL: 'warn' },
    });
  });

  it('pass on the variables of the Workers', () => {
    const environment = { LOG_LEVEL: 'info', CACHE_SHARDS: '24', CACHE_SHARDS_BEFORE: '16', OTHER: 'x' };
    expect(readSettings(environment).variables).toEqual({ LOG_LEVEL: 'info', CACHE_SHARDS: '24', CACHE_SHARDS_BEFORE: '16' });
  });

  it('[M163] give models a quarter of the memory, and have the agent serve them, unless they say otherwise', () => {
    const machine = { memoryBytes: 16 * 2 ** 30, hasAgent: true };
    const of = (environment: Record<string, string>, changes: object = {}) =>
      readSettings(environment, 1, { ...machine, ...changes }).variables;
    expect(of({})).toMatchObject({ MODEL_MEMORY_MIB: '4096', MODEL_REPLICAS: 'auto' });
    expect(of({}, { hasAgent: false })).toMatchObject({ MODEL_REPLICAS: 'off' });
    expect(of({ MODEL_MEMORY_MIB: '300', MODEL_REPLICAS: 'off' })).toMatchObject({ MODEL_MEMORY_MIB: '300', MODEL_REPLICAS: 'off' });
    for (const wrong of [{ MODEL_MEMORY_MIB: '4 GB' }, { MODEL_MEMORY_MIB: '0' }, { MODEL_REPLICAS: 'yes' }])
      expect(() => of(wrong), JSON.stringify(wrong)).toThrow(SetupError);
  });

  it('[T13] refuse trusted proxies that are not ranges of addresses', () => {
    expect(readSettings({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' }).variables).toMatchObject({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' });
    for (const TRUSTED_PROXIES of ['*', '10.0.0.1/8', '10.0.0.0/8; ::1'])
      expect(() => readSettings({ TRUSTED_PROXIES })).toThrow(SetupError);
  });

  it('[G21] refuse CORS origins that are not origins', () => {
    const WEBHOOKS_OVER_HTTP = 'yes';
    const CORS_ORIGINS = 'https://app.example.com, http://localhost:3000, keys';
    expect(readSettings({ CORS_ORIGINS, WEBHOOKS_OVER_HTTP }).variables).toMatchObject({ CORS_ORIGINS, WEBHOOKS_OVER_HTTP });
    for (const wrong of ['app.example.com', 'https://app.example.com/', 'https://*.example.com']) {
      expect(() => readSettings({ CORS_ORIGINS: wrong })).toThrow(SetupError);
    }
  });

  it.each(['', '0', '-1', '65536', '80.5', '1e3', 'http'])('refuse the port "%s", and name the valid ones', (PORT) => {
    expect(() => readSettings({ PORT })).toThrow(new SetupError(`PORT must be a number from 1 to 65535, not "${PORT}".`));
  });

  it('leave a port for every gateway', () => {
    expect(readSettings({ PORT: '65534' }, 2).port).toBe(65_534);
    expect(() => readSettings({ PORT: '65535' }, 2)).toThrow(SetupError);
  });
});
