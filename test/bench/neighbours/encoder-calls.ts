import type { ApiClient } from '../../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../../support/deployment/register-model.ts';
import { encoderFolder, ENCODERS_FOLDER, foundEncoders } from '../../support/models/real-encoders.ts';
import type { DearCall } from './dear-calls.ts';

/** Together they are more than an isolate has room for, so that each call in turn loads one. */
const IN_TURN = ['bge-small-en-v1.5-q', 'e5-small-v2-q', 'all-minilm-l6-v2-q'] as const;
/** Texts of a call, as long as the model takes: some seconds of work. */
const LONG_TEXTS = 24;
const LONG_TOKENS = 500;

/** Calls of encoders that people use, where there are any: loads, the longest batch, and promotions. */
export async function encoderCalls(client: ApiClient): Promise<DearCall[]> {
  const found = foundEncoders();
  if (IN_TURN.some((name) => !found.includes(name))) {
    console.log(`No encoders in ${ENCODERS_FOLDER} (SLUICE_ENCODERS): calls of such are not among the others.`);
    return [];
  }
  const models: string[] = [];
  for (const name of IN_TURN) {
    const model = name.replaceAll('.', '-');
    const folder = await encoderFolder(name);
    await promoteModel(client, model, await registerModel(client, model, folder));
    models.push(model);
  }
  const [large = ''] = models;
  const again = await registerModel(client, large, await encoderFolder(IN_TURN[0]));
  let calls = 0;
  const embed = (model: string, input: unknown) => client.post('/v1/embeddings', { model, input });
  const long = () => Array.from({ length: LONG_TEXTS }, (_, i) => `${(calls += 1) % 10} ${i % 10} ${'a '.repeat(LONG_TOKENS)}`);
  return [
    { kind: 'loads of encoders of 34, 34 and 22 MB', call: () => embed(models[(calls += 1) % models.length] ?? '', `keeper ${calls}`) },
    { kind: `${LONG_TEXTS} texts of ${LONG_TOKENS} tokens`, call: () => embed(large, long()) },
    {
      kind: 'promotions of an encoder of 34 MB, with calls',
      call: async () => {
        await promoteModel(client, large, ((calls += 1) % 2) * (again - 1) + 1);
        return embed(large, `weir ${calls}`);
      },
    },
  ];
}
