import { describe, expect, it } from 'vitest';
import { BulkTokens } from '../../../../../src/gateway/vectors/bulk/bulk-tokens.ts';
import { Hmac } from '../../../../../src/kernel/hmac.ts';

const tokens = new BulkTokens(new Hmac('a secret of one deployment'));
const STATE = { import: 'imp_1', index: 'ix_1', key: 'key_1', lines: 2000, bytes: 40_000, applied: 'digest' };

describe('a token', () => {
  it('[B13] states the position of its import, and is valid only for the deployment that made it', async () => {
    const token = await tokens.seal('import', STATE);
    expect(await tokens.open('import', token)).toEqual({ ok: true, value: STATE });
    const other = new BulkTokens(new Hmac('a secret of another deployment'));
    expect(await other.open('import', token)).toMatchObject({ error: { code: 'invalid_value', path: ['token'] } });
  });

  it('[B13] is refused with a character changed, missing or added, and as a token of another kind', async () => {
    const token = await tokens.seal('import', STATE);
    const forged = Array.from(token).map((character, at) => token.slice(0, at) + (character === 'A' ? 'B' : 'A') + token.slice(at + 1));
    const cut = [token.slice(1), token.slice(0, -1), `${token}0`, `${token}.0`, token.split('.')[0] ?? '', '', '.', `x${token}`];
    for (const text of [...forged, ...cut].filter((one) => one !== token)) {
      expect(await tokens.open('import', text), text).toMatchObject({ error: { code: 'invalid_value' } });
    }
    expect(await tokens.open('export', token)).toMatchObject({ error: { code: 'invalid_value' } });
    const exported = await tokens.seal('export', { generation: 'ix_1', namespace: null, id: null });
    expect(await tokens.open('import', exported)).toMatchObject({ error: { code: 'invalid_value' } });
  });
});
