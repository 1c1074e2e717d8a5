import { command, UsageError } from '../command/command.ts';
import { GatewayClient, profilePath, saveProfile } from './gateway-client.ts';

interface Flags {
  readonly url: string;
  readonly key?: string;
}

/** `sluice init`: checks a key against its gateway, then remembers both. */
export const init = () =>
  command('init', 'Stores the URL and the key of a gateway, after checking them.')
    .requiredOption('--url <url>', 'of the gateway, such as https://sluice.example.com')
    .option('--key <key>', 'an API key (default: that of SLUICE_API_KEY, which leaves no trace in the history of the shell)')
    .addHelpText('after', `\nThe profile is ${profilePath()}, readable by its owner alone.`)
    .action(async ({ url, key }: Flags) => {
      if (!URL.canParse(url) || !/^https?:/.test(url)) throw new UsageError(`--url: "${url}" is not an http or https URL`);
      const apiKey = key ?? process.env['SLUICE_API_KEY'];
      if (apiKey === undefined) throw new UsageError('give the key with --key or SLUICE_API_KEY');
      const models = await new GatewayClient({ url }, apiKey).call<{ data: unknown[] }>('GET', '/v1/models');
      const path = await saveProfile({ url, apiKey });
      console.log(`${url} answers with ${models.data.length} models; written to ${path}`);
    });
